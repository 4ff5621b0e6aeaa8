/// Compares two answers to one call: those of both colors, or two of the active one.
///
/// Pure, and bounded in time and memory by its settings, whatever the bytes are. It may be shared by threads. Answers whose
/// bytes are equal cost one memcmp(3) per message.
///
/// What is compared, in this order:
///
/// 1. The gRPC status. If it differs, nothing else is looked at.
/// 2. The number of messages, and whether the bytes could be taken apart into messages.
/// 3. Each message with the one at the same place: byte for byte, and if that fails, decompressed, and then field by field.
///
/// Fields are compared as protobuf's parsers understand them. With the method's descriptor (``Descriptors``) that means: their
/// order on the wire doesn't matter; of a singular field's values the last one counts, and messages are merged; of a oneof's
/// members the last one counts; packed and unpacked numbers are the same; maps are compared by key; a field without presence
/// equals its default when it is absent; a field that the type doesn't have is compared as one without a type. Without
/// descriptor fields with the same number are compared in their order, and strings, messages and packed numbers are told apart
/// by their bytes (``DelimitedGuess``).
package struct Comparer: Sendable {
    /// What messages look like.
    package let descriptors: Descriptors
    /// What counts as a difference, and the limits.
    package let settings: ComparisonSettings

    package init(descriptors: Descriptors = Descriptors(), settings: ComparisonSettings = ComparisonSettings()) {
        self.descriptors = descriptors
        self.settings = settings
    }

    /// Compares an answer of the active color with another one, as `MessageComparison` does.
    package func compare(_ active: Answer, _ other: Answer, method: String) -> Outcome {
        var comparison = MessageComparison(self)
        return comparison.compare(active, other, method: method)
    }
}

extension MessageComparison {
    /// Compares an answer of the active color with another one.
    ///
    /// - Parameter method: the path of the call, `/package.Service/Method`.
    package mutating func compare(_ active: Answer, _ other: Answer, method: String) -> Outcome {
        if active.isSame(as: other) { return .equal }
        begin()
        let type = descriptors.output(of: method)
        var isComplete = true
        do {
            try compare(active, other, type: type)
        } catch {
            switch error {
            case .tooComplex: return .givenUp(.tooComplex)
            case .tooLarge: return .givenUp(.tooLarge)
            case .enough: isComplete = false
            }
        }
        return differences.takeOutcome(areTyped: type != nil, isComplete: isComplete)
    }

    /// Compares two answers, and keeps what differs.
    ///
    /// - Parameter type: the type of the messages, by its place among the descriptors'.
    private mutating func compare(_ active: Answer, _ other: Answer, type: Int?) throws(Stop) {
        guard active.status == other.status else {
            return try note(Difference.status, active: .status(active.status), other: .status(other.status))
        }
        if active.extent != other.extent {
            try note(Difference.messages, active: active.extent, other: other.extent)
        }
        let haveOneEncoding = active.encoding == other.encoding
        for place in 0..<min(active.frames.count, other.frames.count) {
            if haveOneEncoding, active.hasSameMessage(place, as: other) { continue }
            message = place
            let (left, right) = (active.frames[place], other.frames[place])
            if !left.isCompressed, !right.isCompressed {
                try compareMessages(active.body, left.message, other.body, right.message, type: type)
                continue
            }
            let leftMessage = try decoded(left, of: active)
            let rightMessage = try decoded(right, of: other)
            if case .message(let left) = leftMessage, case .message(let right) = rightMessage {
                try compareMessages(left, left.indices, right, right.indices, type: type)
            } else {
                try note(Difference.message, active: leftMessage.value, other: rightMessage.value)
            }
        }
    }

    private mutating func note(_ path: String, active: Value, other: Value) throws(Stop) {
        try differences.add([.field(path)], message: message, active: active, other: other)
    }

    /// A message without its compression, or what is known of it.
    private mutating func decoded(_ frame: Frame, of answer: Answer) throws(Stop) -> Decoded {
        let bytes = Array(answer.body[frame.message])
        guard frame.isCompressed else { return .message(bytes) }
        switch answer.encoding.decoded(bytes, limit: min(settings.largestMessage, budget.left)) {
        case .message(let message):
            try budget.spend(message.count)
            return .message(message)
        case .corrupt: return .value(.notAMessage(length: bytes.count))
        case .unknownEncoding: return .value(.encoded(length: bytes.count))
        case .tooLarge: throw budget.left < settings.largestMessage ? .tooComplex : .tooLarge
        }
    }

    private enum Decoded {
        case message([UInt8])
        case value(Value)

        var value: Value {
            switch self {
            case .message(let bytes): .message(length: bytes.count)
            case .value(let value): value
            }
        }
    }
}

extension Answer {
    /// How many messages there are, and whether that is all.
    fileprivate var extent: Value { flaw == nil ? .count(frames.count) : .unframed(after: frames.count) }
}

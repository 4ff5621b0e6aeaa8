import Glibc

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

    /// Compares an answer of the active color with another one.
    ///
    /// - Parameter method: the path of the call, `/package.Service/Method`.
    package func compare(_ active: Answer, _ other: Answer, method: String) -> Outcome {
        if active.status == other.status, active.flaw == nil, other.flaw == nil, active.encoding == other.encoding,
            active.messages.count == other.messages.count,
            zip(active.messages, other.messages).allSatisfy({ $0.isSame(as: $1) })
        {
            return .equal
        }
        let type = descriptors.output(of: method)
        var comparison = MessageComparison(descriptors: descriptors, settings: settings)
        var isComplete = true
        do {
            try comparison.compare(active, other, type: type)
        } catch {
            switch error {
            case .tooComplex: return .givenUp(.tooComplex)
            case .tooLarge: return .givenUp(.tooLarge)
            case .enough: isComplete = false
            }
        }
        return comparison.differences.outcome(areTyped: type != nil, isComplete: isComplete)
    }
}

extension MessageComparison {
    /// Compares two answers, and keeps what differs.
    ///
    /// - Parameter type: the type of the messages, by its place among the descriptors'.
    fileprivate mutating func compare(_ active: Answer, _ other: Answer, type: Int?) throws(Stop) {
        guard active.status == other.status else {
            return try note(Difference.status, active: .status(active.status), other: .status(other.status))
        }
        guard active.flaw != .tooLarge, other.flaw != .tooLarge else { throw .tooLarge }
        if active.extent != other.extent {
            try note(Difference.messages, active: active.extent, other: other.extent)
        }
        for (place, pair) in zip(active.messages, other.messages).enumerated() {
            let isSame = active.encoding == other.encoding && pair.0.isSame(as: pair.1)
            guard !isSame else { continue }
            message = place
            let active = try decoded(pair.0, active.encoding)
            let other = try decoded(pair.1, other.encoding)
            if case .message(let active) = active, case .message(let other) = other {
                try compareMessages(active, other, type: type)
            } else {
                try note(Difference.message, active: active.value, other: other.value)
            }
        }
    }

    private mutating func note(_ path: String, active: Value, other: Value) throws(Stop) {
        try differences.add([.field(path)], message: message, active: active, other: other)
    }

    /// A message without its compression, or what is known of it.
    private mutating func decoded(_ framed: FramedMessage, _ encoding: MessageEncoding) throws(Stop) -> Decoded {
        let decoded = framed.decoded(encoding, limit: min(settings.largestMessage, budget.left))
        switch decoded {
        case .message(let bytes):
            if framed.isCompressed { try budget.spend(bytes.count) }
            return .message(bytes)
        case .corrupt: return .value(.notAMessage(length: framed.bytes.count))
        case .unknownEncoding: return .value(.encoded(length: framed.bytes.count))
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
    fileprivate var extent: Value { flaw == nil ? .count(messages.count) : .unframed(after: messages.count) }
}

extension FramedMessage {
    /// Whether two messages of one encoding are the same, byte for byte.
    fileprivate func isSame(as other: FramedMessage) -> Bool {
        guard isCompressed == other.isCompressed, bytes.count == other.bytes.count else { return false }
        return unsafe bytes.withUnsafeBytes { left in
            // Both have this many bytes, and neither has an address when it has none.
            unsafe other.bytes.withUnsafeBytes { right in
                unsafe left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
            }
        }
    }
}

/// Messages whose type is known.
extension MessageComparison {
    /// Compares the fields of two messages of one type.
    ///
    /// - Parameters:
    ///   - left: as they come.
    ///   - type: by its place among the descriptors'.
    mutating func compareFields(_ left: [WireField], _ right: [WireField], _ type: Int) throws(Stop) {
        let type = descriptors.types[type]
        let left = type.inForce(left).sortedByNumber()
        let right = type.inForce(right).sortedByNumber()
        var (leftRest, rightRest) = (left[...], right[...])
        while let number = lowest(leftRest.first?.number, rightRest.first?.number) {
            var (leftValues, rightValues) = (leftRest.take(number), rightRest.take(number))
            guard let field = type.field(number) else {
                try compareUnknown(number, leftValues, rightValues)
                continue
            }
            if !leftValues.allSatisfy({ field.accepts($0.type) }) || !rightValues.allSatisfy({ field.accepts($0.type) })
            {
                let unknown = (leftValues, rightValues)
                (leftValues, rightValues) = (
                    leftValues.filter { field.accepts($0.type) }[...],
                    rightValues.filter { field.accepts($0.type) }[...]
                )
                try compareUnknown(
                    number, unknown.0.filter { !field.accepts($0.type) }[...],
                    unknown.1.filter { !field.accepts($0.type) }[...])
            }
            path.append(.field(field.name))
            if let tensors = type.tensors, tensors.contents == number {
                try compareTensors(
                    leftValues, try tensorTypes(left, tensors, in: active),
                    rightValues, try tensorTypes(right, tensors, in: other))
            } else {
                try compare(field, leftValues, rightValues)
            }
            path.removeLast()
        }
    }

    /// Compares all values of a field, in forms that its type accepts.
    mutating func compare(
        _ field: FieldType, _ left: ArraySlice<WireField>, _ right: ArraySlice<WireField>
    ) throws(Stop) {
        switch field.value {
        case .message(let type) where field.isRepeated:
            if let type, descriptors.types[type].isMapEntry {
                return try compareMap(left, right, descriptors.types[type])
            }
            try compareRepeated(left, right) { (self, left, right) throws(Stop) in
                try self.compareMessage(left, right, type)
            }
        case .message(let type):
            guard left.isEmpty == right.isEmpty else { return try noteLast(field, left, right) }
            try compareMessage(left, right, type)
        case .scalar(let kind, let wire) where field.isRepeated:
            if left.count == 1, right.count == 1, let left = left.first, let right = right.first, left.hasBytes,
                right.hasBytes, try areSame(left, right)
            {
                return
            }
            try compareNumbers(
                kind, NumberSequence(left, in: active, width: wire.width),
                NumberSequence(right, in: other, width: wire.width))
        case .scalar(let kind, _):
            try compareLast(field, kind, left.last, right.last)
        case .string where field.isRepeated, .bytes where field.isRepeated:
            try compareRepeated(left, right) { (self, left, right) throws(Stop) in
                if try !self.areSame(left.first!, right.first!) { try self.noteLast(field, left, right) }
            }
        case .string, .bytes:
            if let left = left.last, let right = right.last {
                if try areSame(left, right) { return }
            } else if !field.hasPresence, left.last?.bytes.isEmpty ?? true, right.last?.bytes.isEmpty ?? true {
                return
            }
            if left.isEmpty, right.isEmpty { return }
            try noteLast(field, left, right)
        }
    }

    /// Compares values at the same places, and their number.
    private mutating func compareRepeated(
        _ left: ArraySlice<WireField>, _ right: ArraySlice<WireField>,
        _ compare: (inout Self, ArraySlice<WireField>, ArraySlice<WireField>) throws(Stop) -> Void
    ) throws(Stop) {
        if left.count != right.count { try note(.count(left.count), .count(right.count)) }
        for place in 0..<min(left.count, right.count) {
            let (leftIndex, rightIndex) = (left.startIndex + place, right.startIndex + place)
            path.append(.index(place))
            try compare(&self, left[leftIndex...leftIndex], right[rightIndex...rightIndex])
            path.removeLast()
        }
    }

    /// Compares a field that has at most one number; `nil` where it is absent.
    private mutating func compareLast(
        _ field: FieldType, _ kind: ScalarKind, _ left: WireField?, _ right: WireField?
    ) throws(Stop) {
        if field.hasPresence, (left == nil) != (right == nil) {
            return try note(
                left.map { value($0.number64, kind) } ?? .absent, right.map { value($0.number64, kind) } ?? .absent)
        }
        let (left, right) = (left?.number64 ?? 0, right?.number64 ?? 0)
        guard left != right else { return }
        let (leftNumber, rightNumber) = (kind.number(left), kind.number(right))
        guard !settings.tolerance.allows(leftNumber, rightNumber, kind) else { return }
        var spread = Spread()
        if kind.isQuantity, let distance = Distance(leftNumber, rightNumber) { spread.add(distance) }
        try note(value(left, kind), value(right, kind), spread: spread)
    }

    /// Notes that the last values of a field differ.
    private mutating func noteLast(
        _ field: FieldType, _ left: ArraySlice<WireField>, _ right: ArraySlice<WireField>
    ) throws(Stop) {
        try note(lastValue(field, left, in: active), lastValue(field, right, in: other))
    }

    /// What a report shows of a field that has at most one value.
    func lastValue(_ field: FieldType, _ values: ArraySlice<WireField>, in bytes: [UInt8]) -> Value {
        guard let last = values.last else { return .absent }
        switch field.value {
        case .scalar(let kind, _): return value(last.number64, kind)
        case .string: return Value(text: bytes[last.bytes], reveal: settings.reveal)
        case .bytes: return Value(bytes: bytes[last.bytes], reveal: settings.reveal)
        case .message: return .message(length: values.length)
        }
    }

    /// What a report shows of a number.
    func value(_ bits: UInt64, _ kind: ScalarKind) -> Value {
        let number = kind.number(bits)
        if case .enumeration(let place) = kind, case .signed(let value) = number,
            let name = descriptors.name(of: Int32(truncatingIfNeeded: value), in: place)
        {
            return .enumeration(name)
        }
        return Value(number, kind)
    }
}

extension MessageType {
    /// Drops the members of oneofs that later ones have taken the place of. A message that comes in parts with another member
    /// between them begins anew with the part after it.
    ///
    /// - Parameter fields: in the order in which they come.
    func inForce(_ fields: [WireField]) -> [WireField] {
        guard oneofs > 0 else { return fields }
        /// The last member of each oneof, and whether another one has come up on the way back from the end.
        var last = [(number: UInt32, isClosed: Bool)?](repeating: nil, count: oneofs)
        var kept: [WireField] = []
        for wireField in fields.reversed() {
            guard let field = field(wireField.number), let oneof = field.oneof, field.accepts(wireField.type) else {
                kept.append(wireField)
                continue
            }
            if let member = last[oneof] {
                if member.number != wireField.number { last[oneof]?.isClosed = true }
                if member.isClosed || member.number != wireField.number { continue }
            } else {
                last[oneof] = (wireField.number, false)
            }
            kept.append(wireField)
        }
        return kept.reversed()
    }
}

extension ArraySlice<WireField> {
    /// Takes the values of the field with this number, if they come next.
    mutating func take(_ number: UInt32) -> ArraySlice<WireField> {
        let values = prefix { $0.number == number }
        self = dropFirst(values.count)
        return values
    }
}

/// The smaller of two numbers, either of which may be missing.
func lowest(_ left: UInt32?, _ right: UInt32?) -> UInt32? {
    guard let left, let right else { return left ?? right }
    return min(left, right)
}

extension WireType {
    /// The bytes that a number takes; `nil` for a varint.
    var width: Int? {
        switch self {
        case .fixed64: 8
        case .fixed32: 4
        case .varint, .delimited, .group: nil
        }
    }
}

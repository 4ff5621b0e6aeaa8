/// Messages whose type is known.
extension MessageComparison {
    /// Compares the fields of two messages of one type.
    ///
    /// - Parameter left: as they come.
    mutating func compareFields(_ left: Range<Int>, _ right: Range<Int>, _ type: MessageType) throws(Stop) {
        let (left, right) = (inForce(left, type), inForce(right, type))
        sortByNumber(left)
        sortByNumber(right)
        var (leftRest, rightRest) = (left, right)
        while let (number, leftValues, rightValues) = takeField(&leftRest, &rightRest) {
            guard let field = type.field(number) else {
                try compareUnknown(number, leftValues, rightValues)
                continue
            }
            if accepts(field, leftValues), accepts(field, rightValues) {
                try compare(field, of: type, leftValues, rightValues, in: (left, right))
            } else {
                // What is written in another form is an unknown field.
                let room = fields.count
                defer { fields.removeLast(fields.count - room) }
                try compareUnknown(
                    number, keep(fields[leftValues].filter { !field.accepts($0.type) }),
                    keep(fields[rightValues].filter { !field.accepts($0.type) }))
                try compare(
                    field, of: type, keep(fields[leftValues].filter { field.accepts($0.type) }),
                    keep(fields[rightValues].filter { field.accepts($0.type) }), in: (left, right))
            }
        }
    }

    private func accepts(_ field: FieldType, _ values: Range<Int>) -> Bool {
        for place in values where !field.accepts(fields[place].type) { return false }
        return true
    }

    /// Compares all values of a message's field.
    ///
    /// - Parameter messages: all fields of the messages.
    private mutating func compare(
        _ field: FieldType, of type: MessageType, _ left: Range<Int>, _ right: Range<Int>,
        in messages: (left: Range<Int>, right: Range<Int>)
    ) throws(Stop) {
        path.append(.field(field.name))
        if let tensors = type.tensors, tensors.contents == field.number {
            try compareTensors(
                left, try tensorTypes(messages.left, tensors, in: active),
                right, try tensorTypes(messages.right, tensors, in: other))
        } else {
            try compare(field, left, right)
        }
        path.removeLast()
    }

    /// Compares all values of a field, in forms that its type accepts.
    mutating func compare(_ field: FieldType, _ left: Range<Int>, _ right: Range<Int>) throws(Stop) {
        switch field.value {
        case .message(let type) where field.isRepeated:
            if let type, descriptors.types[type].isMapEntry {
                return try compareMap(left, right, descriptors.types[type])
            }
            try compareRepeated(left, right) { (self, left, right) throws(Stop) in
                try self.compareMessage(left..<left + 1, right..<right + 1, type)
            }
        case .message(let type):
            guard left.isEmpty == right.isEmpty else { return try noteLast(field, left, right) }
            try compareMessage(left, right, type)
        case .scalar(let kind, let wire) where field.isRepeated: try compareRow(kind, wire, left, right)
        case .scalar(let kind, _): try compareLast(field, kind, last(left), last(right))
        case .string where field.isRepeated, .bytes where field.isRepeated:
            try compareRepeated(left, right) { (self, left, right) throws(Stop) in
                if try self.areSame(self.fields[left], self.fields[right]) { return }
                try self.noteLast(field, left..<left + 1, right..<right + 1)
            }
        case .string, .bytes:
            if let left = last(left), let right = last(right) {
                if try areSame(left, right) { return }
            } else if !field.hasPresence, last(left)?.bytes.isEmpty ?? true, last(right)?.bytes.isEmpty ?? true {
                return
            }
            if left.isEmpty, right.isEmpty { return }
            try noteLast(field, left, right)
        }
    }

    private func last(_ values: Range<Int>) -> WireField? { values.isEmpty ? nil : fields[values.upperBound - 1] }

    /// Compares the numbers of a repeated field, packed or not.
    private mutating func compareRow(
        _ kind: ScalarKind, _ wire: WireType, _ left: Range<Int>, _ right: Range<Int>
    ) throws(Stop) {
        if left.count == 1, right.count == 1 {
            let (left, right) = (fields[left.lowerBound], fields[right.lowerBound])
            if left.hasBytes, right.hasBytes {
                if try areSame(left, right) { return }
                return try compareNumbers(
                    kind, NumberSequence(left, in: active, width: wire.width),
                    NumberSequence(right, in: other, width: wire.width))
            }
        }
        try compareNumbers(
            kind, NumberSequence(fields[left], in: active, width: wire.width),
            NumberSequence(fields[right], in: other, width: wire.width))
    }

    /// Compares values at the same places, and their number.
    private mutating func compareRepeated(
        _ left: Range<Int>, _ right: Range<Int>, _ compare: (inout Self, Int, Int) throws(Stop) -> Void
    ) throws(Stop) {
        if left.count != right.count { try note(.count(left.count), .count(right.count)) }
        for place in 0..<min(left.count, right.count) {
            path.append(.index(place))
            try compare(&self, left.lowerBound + place, right.lowerBound + place)
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
    private mutating func noteLast(_ field: FieldType, _ left: Range<Int>, _ right: Range<Int>) throws(Stop) {
        try note(lastValue(field, left, in: active), lastValue(field, right, in: other))
    }

    /// What a report shows of a field that has at most one value.
    func lastValue(_ field: FieldType, _ values: Range<Int>, in bytes: BorrowedBytes) -> Value {
        guard let last = last(values) else { return .absent }
        switch field.value {
        case .scalar(let kind, _): return value(last.number64, kind)
        case .string: return Value(textOf: last, in: bytes, reveal: settings.reveal)
        case .bytes: return Value(bytes: last.bytes, in: bytes, reveal: settings.reveal)
        case .message: return .message(length: length(of: values))
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

extension MessageComparison {
    /// Drops the members of oneofs that later ones have taken the place of. A message that comes in parts with another member
    /// between them begins anew with the part after it.
    ///
    /// - Parameter range: a message's fields in the order in which they come.
    private mutating func inForce(_ range: Range<Int>, _ type: MessageType) -> Range<Int> {
        guard type.oneofs > 0, hasRivals(range, type) else { return range }
        /// The last member of each oneof, and whether another one has come up on the way back from the end.
        var last = [(number: UInt32, isClosed: Bool)?](repeating: nil, count: type.oneofs)
        var kept: [WireField] = []
        for wireField in fields[range].reversed() {
            guard let oneof = type.oneof(of: wireField) else {
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
        return keep(kept.reversed())
    }

    /// Whether two fields may belong to one oneof.
    private func hasRivals(_ range: Range<Int>, _ type: MessageType) -> Bool {
        guard type.oneofs <= UInt64.bitWidth else { return true }
        var seen: UInt64 = 0
        for place in range {
            guard let oneof = type.oneof(of: fields[place]) else { continue }
            if seen & 1 << UInt64(oneof) != 0 { return true }
            seen |= 1 << UInt64(oneof)
        }
        return false
    }
}

extension MessageType {
    /// The oneof that a field is a member of, if it is written in its type's form.
    fileprivate func oneof(of wireField: WireField) -> Int? {
        guard let field = field(wireField.number), let oneof = field.oneof, field.accepts(wireField.type) else {
            return nil
        }
        return oneof
    }
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

/// Maps, which on the wire are repeated messages with a key (field 1) and a value (field 2), in any order.
extension MessageComparison {
    /// The entries of a map, one for each key.
    private struct Entries {
        /// In the order in which they first come.
        var keys: [MapKey] = []
        /// The parts of each value; none if it is absent and means the default.
        var values: [MapKey: [WireField]] = [:]
    }

    /// Compares the values of two maps key by key.
    mutating func compareMap(_ left: Range<Int>, _ right: Range<Int>, _ type: MessageType) throws(Stop) {
        guard let field = type.field(2), let key = type.field(1) else { return }
        let leftEntries = try entries(left, in: active, key: key, value: field)
        let rightEntries = try entries(right, in: other, key: key, value: field)
        guard let leftEntries, let rightEntries else {
            return try note(
                leftEntries == nil ? .notAMessage(length: length(of: left)) : .count(left.count),
                rightEntries == nil ? .notAMessage(length: length(of: right)) : .count(right.count))
        }
        for key in leftEntries.keys + rightEntries.keys.filter({ leftEntries.values[$0] == nil }) {
            path.append(.key(key))
            switch (leftEntries.values[key], rightEntries.values[key]) {
            case (let left?, let right?): try compareValues(field, left, right)
            case (let left?, nil): try note(mapValue(field, left, in: active), .absent)
            case (nil, let right?): try note(.absent, mapValue(field, right, in: other))
            case (nil, nil): break
            }
            path.removeLast()
        }
    }

    private mutating func compareValues(_ field: FieldType, _ left: [WireField], _ right: [WireField]) throws(Stop) {
        // A value that isn't there is the default, also if it is a message.
        let field = FieldType(
            number: field.number, name: field.name, value: field.value, isRepeated: false, hasPresence: false,
            oneof: nil)
        let room = fields.count
        defer { fields.removeLast(fields.count - room) }
        if case .message = field.value {
            try compare(field, keep(left.isEmpty ? [.empty] : left), keep(right.isEmpty ? [.empty] : right))
        } else {
            try compare(field, keep(left), keep(right))
        }
    }

    /// What a report shows of a map's value.
    private mutating func mapValue(_ field: FieldType, _ parts: [WireField], in bytes: BorrowedBytes) -> Value {
        guard parts.isEmpty else {
            let kept = keep(parts)
            defer { fields.removeLast(kept.count) }
            return lastValue(field, kept, in: bytes)
        }
        switch field.value {
        case .scalar(let kind, _): return value(0, kind)
        case .string: return .string(length: 0)
        case .bytes: return .bytes(length: 0)
        case .message: return .message(length: 0)
        }
    }

    /// - Returns: `nil` if an entry is no message.
    private mutating func entries(
        _ values: Range<Int>, in bytes: BorrowedBytes, key: FieldType, value: FieldType
    ) throws(Stop) -> Entries? {
        var entries = Entries()
        for entry in values {
            // Besides its fields an entry takes a place in a table.
            try budget.spend(4 * WorkBudget.field)
            var reader = WireReader(bytes, fields[entry].bytes)
            var entryKey: WireField?
            var parts: [WireField] = []
            while let field = reader.next() {
                try budget.spend(field)
                if field.number == 1, key.accepts(field.type) { entryKey = field }
                if field.number == 2, value.accepts(field.type) { parts.append(field) }
            }
            if reader.isMalformed { return nil }
            let mapKey = mapKey(entryKey, key, in: bytes)
            // Of entries with one key the last counts, as a whole.
            if entries.values.updateValue(parts, forKey: mapKey) == nil { entries.keys.append(mapKey) }
        }
        return entries
    }

    private func mapKey(_ field: WireField?, _ type: FieldType, in bytes: BorrowedBytes) -> MapKey {
        switch type.value {
        case .scalar(let kind, _): MapKey(kind.number(field?.number64 ?? 0), kind)
        case .string, .bytes, .message: .text(field.map { bytes.array($0.bytes) } ?? [])
        }
    }
}

extension WireField {
    /// A message without fields.
    fileprivate static let empty = WireField(number: 2, type: .delimited, bytes: 0..<0)
}

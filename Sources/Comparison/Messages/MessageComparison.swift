import Glibc

/// A comparison of messages that is under way: where it is, the work that it has left, and what it has found.
///
/// Messages, and messages in them, are compared by walking both sides' fields in the order of their numbers. The depth is
/// limited, each step is charged for, and nothing but the lists of fields is kept.
struct MessageComparison {
    /// How deep messages may be nested; protobuf's own parsers stop at a hundred.
    static let mostNested = 100

    let descriptors: Descriptors
    let settings: ComparisonSettings
    var budget: WorkBudget
    var differences: DifferenceList
    /// The place of the messages in their answers.
    var message = 0
    /// The way to what is being compared.
    var path: [PathSegment] = []
    /// The bytes of both messages. Everything below is a range of them.
    private(set) var active: [UInt8] = []
    private(set) var other: [UInt8] = []
    private var depth = 0

    init(descriptors: Descriptors, settings: ComparisonSettings) {
        self.descriptors = descriptors
        self.settings = settings
        budget = WorkBudget(settings.work)
        differences = DifferenceList(settings)
    }

    /// Compares two messages.
    ///
    /// - Parameter type: their type, by its place among the descriptors'; `nil` if it isn't known.
    mutating func compareMessages(_ active: [UInt8], _ other: [UInt8], type: Int?) throws(Stop) {
        (self.active, self.other) = (active, other)
        path.removeAll(keepingCapacity: true)
        let left = WireField(number: 1, type: .delimited, bytes: active.indices)
        let right = WireField(number: 1, type: .delimited, bytes: other.indices)
        try compareMessage([left], [right], type)
    }

    /// Compares a message with another, each in one or more parts that are to be merged: which means to read them as one.
    mutating func compareMessage(
        _ left: ArraySlice<WireField>, _ right: ArraySlice<WireField>, _ type: Int?
    ) throws(Stop) {
        if left.count == 1, right.count == 1, try areSame(left.first!, right.first!) { return }
        guard depth < Self.mostNested else {
            return try note(.notAMessage(length: left.length), .notAMessage(length: right.length))
        }
        let leftFields = try fields(of: left, in: active)
        let rightFields = try fields(of: right, in: other)
        guard let leftFields, let rightFields else {
            return try note(
                leftFields == nil ? .notAMessage(length: left.length) : .message(length: left.length),
                rightFields == nil ? .notAMessage(length: right.length) : .message(length: right.length))
        }
        depth += 1
        defer { depth -= 1 }
        if let type {
            try compareFields(leftFields, rightFields, type)
        } else {
            try compareFields(leftFields.sortedByNumber(), rightFields.sortedByNumber())
        }
    }

    /// The fields of a message in the order in which they come; `nil` if its bytes are no message.
    private mutating func fields(of parts: ArraySlice<WireField>, in bytes: [UInt8]) throws(Stop) -> [WireField]? {
        var fields: [WireField] = []
        // Most messages have few fields; this spares them the steps in which an array grows.
        fields.reserveCapacity(min(8, parts.length / 2))
        for part in parts {
            var reader = WireReader(bytes, part.bytes)
            while let field = reader.next() {
                try budget.spend(field)
                fields.append(field)
            }
            if reader.isMalformed { return nil }
        }
        return fields
    }

    /// Whether the bytes of a value are those of a message.
    mutating func isMessage(_ value: WireField, in bytes: [UInt8]) throws(Stop) -> Bool {
        var reader = WireReader(bytes, value.bytes)
        while let field = reader.next() { try budget.spend(field) }
        return !reader.isMalformed
    }

    /// Whether two values have the same bytes.
    mutating func areSame(_ left: WireField, _ right: WireField) throws(Stop) -> Bool {
        let (leftBytes, rightBytes) = (left.bytes, right.bytes)
        guard leftBytes.count == rightBytes.count else { return false }
        guard !leftBytes.isEmpty else { return true }
        try budget.spend(comparing: leftBytes.count)
        return unsafe active.withUnsafeBytes { left in
            // Fields' ranges are within the bytes that they were read from, and not empty.
            unsafe other.withUnsafeBytes { right in
                unsafe memcmp(
                    left.baseAddress! + leftBytes.lowerBound, right.baseAddress! + rightBytes.lowerBound,
                    leftBytes.count) == 0
            }
        }
    }

    /// Notes a difference at the place that is being compared.
    mutating func note(_ active: Value, _ other: Value, spread: Spread = Spread(), values: Int = 1) throws(Stop) {
        try budget.spend(WorkBudget.difference)
        try differences.add(path, message: message, active: active, other: other, values: values, spread: spread)
    }

    /// Goes one step down for as long as `body` takes.
    mutating func at(_ segment: PathSegment, _ body: (inout Self) throws(Stop) -> Void) throws(Stop) {
        path.append(segment)
        try body(&self)
        path.removeLast()
    }
}

extension ArraySlice<WireField> {
    /// The length of a message of several parts, in bytes.
    var length: Int { reduce(0) { $0 + $1.bytes.count } }
}

extension [WireField] {
    /// The fields in the order of their numbers, and those with one number as they came.
    func sortedByNumber() -> [WireField] {
        // Serializers write fields in this order, as a rule.
        for index in indices.dropFirst() where self[index].isBefore(self[index - 1]) {
            return sorted { $0.isBefore($1) }
        }
        return self
    }
}

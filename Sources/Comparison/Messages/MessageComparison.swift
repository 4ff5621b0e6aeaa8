/// Compares answers, one pair after the other: where it is, the work that it has left, and what it has found.
///
/// Messages, and messages in them, are compared by walking both sides' fields in the order of their numbers. The depth is
/// limited, each step is charged for, and nothing but the lists of fields is kept, whose memory one comparison leaves to the
/// next.
package struct MessageComparison: ~Copyable, Sendable {
    /// How deep messages may be nested; protobuf's own parsers stop at a hundred.
    static let mostNested = 100
    /// Fields whose memory is kept for the next comparison.
    private static let mostKept = 4096

    let descriptors: Descriptors
    let settings: ComparisonSettings
    var budget: WorkBudget
    var differences: DifferenceList
    /// The place of the messages in their answers.
    var message = 0
    /// The way to what is being compared.
    var path: [PathSegment] = []
    /// The fields of the messages that are being compared and of those around them, in which everything is a range of
    /// places: those of one message lie together, the innermost ones last.
    var fields: [WireField] = []
    /// The bytes of both messages. Every field's value lies in one of them.
    private(set) var active = BorrowedBytes.none
    private(set) var other = BorrowedBytes.none
    private var depth = 0

    package init(_ comparer: Comparer) {
        descriptors = comparer.descriptors
        settings = comparer.settings
        budget = WorkBudget(settings.work)
        differences = DifferenceList(settings)
    }

    /// Forgets the last comparison.
    mutating func begin() {
        budget = WorkBudget(settings.work)
        differences.removeAll()
        message = 0
        path.removeAll(keepingCapacity: true)
        fields.removeAll(keepingCapacity: fields.capacity <= Self.mostKept)
    }

    /// Compares two messages, which are parts of two bodies.
    ///
    /// - Parameter type: their type, by its place among the descriptors'; `nil` if it isn't known.
    mutating func compareMessages(
        _ active: [UInt8], _ activeMessage: Range<Int>, _ other: [UInt8], _ otherMessage: Range<Int>, type: Int?
    ) throws(Stop) {
        fields.append(WireField(number: 1, type: .delimited, bytes: activeMessage))
        fields.append(WireField(number: 1, type: .delimited, bytes: otherMessage))
        defer { fields.removeLast(2) }
        // The closures keep the bytes in place while they are compared.
        try unsafe active.withUnsafeBufferPointer { (active) throws(Stop) in
            try unsafe other.withUnsafeBufferPointer { (other) throws(Stop) in
                unsafe (self.active, self.other) = (BorrowedBytes(active), BorrowedBytes(other))
                defer { (self.active, self.other) = (.none, .none) }
                try compareMessage(0..<1, 1..<2, type)
            }
        }
    }

    /// Compares a message with another, each in one or more parts that are to be merged: which means to read them as one.
    mutating func compareMessage(_ left: Range<Int>, _ right: Range<Int>, _ type: Int?) throws(Stop) {
        if left.count == 1, right.count == 1, try areSame(fields[left.lowerBound], fields[right.lowerBound]) { return }
        guard depth < Self.mostNested else {
            return try note(.notAMessage(length: length(of: left)), .notAMessage(length: length(of: right)))
        }
        let room = fields.count
        defer { fields.removeLast(fields.count - room) }
        let leftFields = try read(left, in: active)
        let rightFields = try read(right, in: other)
        guard let leftFields, let rightFields else {
            return try note(
                leftFields == nil ? .notAMessage(length: length(of: left)) : .message(length: length(of: left)),
                rightFields == nil ? .notAMessage(length: length(of: right)) : .message(length: length(of: right)))
        }
        depth += 1
        defer { depth -= 1 }
        if let type {
            try compareFields(leftFields, rightFields, descriptors.types[type])
        } else {
            sortByNumber(leftFields)
            sortByNumber(rightFields)
            try compareFields(leftFields, rightFields)
        }
    }

    /// Compares two messages that each are the whole of one value.
    mutating func compareMessage(_ left: WireField, _ right: WireField) throws(Stop) {
        let place = fields.count
        fields.append(left)
        fields.append(right)
        defer { fields.removeLast(2) }
        try compareMessage(place..<place + 1, place + 1..<place + 2, nil)
    }

    /// Reads the fields of a message in the order in which they come; `nil` if its bytes are no message.
    private mutating func read(_ parts: Range<Int>, in bytes: BorrowedBytes) throws(Stop) -> Range<Int>? {
        let start = fields.count
        for part in parts {
            var reader = WireReader(bytes, fields[part].bytes)
            while let field = reader.next() {
                try budget.spend(field)
                fields.append(field)
            }
            if reader.isMalformed { return nil }
        }
        return start..<fields.count
    }

    /// Whether the bytes of a value are those of a message.
    mutating func isMessage(_ value: WireField, in bytes: BorrowedBytes) throws(Stop) -> Bool {
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
        return active.isSame(leftBytes, as: other, rightBytes)
    }

    /// Notes a difference at the place that is being compared.
    mutating func note(_ active: Value, _ other: Value, spread: Spread = Spread(), values: Int = 1) throws(Stop) {
        try budget.spend(WorkBudget.difference)
        try differences.add(path, message: message, active: active, other: other, values: values, spread: spread)
    }

    // MARK: Fields

    /// The length of a message of several parts, in bytes.
    func length(of parts: Range<Int>) -> Int { fields[parts].reduce(0) { $0 + $1.bytes.count } }

    /// Puts fields in the order of their numbers, and those with one number as they came.
    mutating func sortByNumber(_ range: Range<Int>) {
        // Serializers write fields in this order, as a rule.
        for place in range.dropFirst() where fields[place].isBefore(fields[place - 1]) {
            return fields[range].sort { $0.isBefore($1) }
        }
    }

    /// Takes the values of the field with the lowest number off the front of both messages' fields, which are in the order of
    /// their numbers; `nil` at the end of both.
    func takeField(
        _ left: inout Range<Int>, _ right: inout Range<Int>
    ) -> (number: UInt32, left: Range<Int>, right: Range<Int>)? {
        let numbers = (left.first.map { fields[$0].number }, right.first.map { fields[$0].number })
        guard let number = numbers.0.map({ min($0, numbers.1 ?? $0) }) ?? numbers.1 else { return nil }
        return (number, take(number, &left), take(number, &right))
    }

    /// Takes the fields with this number, if they come next.
    private func take(_ number: UInt32, _ rest: inout Range<Int>) -> Range<Int> {
        var end = rest.lowerBound
        while end < rest.upperBound, fields[end].number == number { end += 1 }
        let taken = rest.lowerBound..<end
        rest = end..<rest.upperBound
        return taken
    }

    /// Keeps copies of fields behind all others, until the message around them is compared.
    mutating func keep(_ copies: some Sequence<WireField>) -> Range<Int> {
        let start = fields.count
        fields.append(contentsOf: copies)
        return start..<fields.count
    }
}

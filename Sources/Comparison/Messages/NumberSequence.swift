/// The numbers of a repeated field or a tensor, packed or each by itself, in their order.
struct NumberSequence {
    /// Those that haven't been begun.
    private var values: ArraySlice<WireField>
    private let bytes: BorrowedBytes
    private let width: Int?
    private var reader: WireReader?
    /// Whether the numbers end before their bytes do.
    private(set) var isMalformed = false
    /// All bytes, for a report.
    let length: Int

    /// - Parameters:
    ///   - values: numbers and packed numbers.
    ///   - width: the bytes of a packed number: 1, 2, 4 or 8; `nil` if they are varints.
    init(_ values: ArraySlice<WireField>, in bytes: BorrowedBytes, width: Int?) {
        self.values = values
        self.bytes = bytes
        self.width = width
        length = values.reduce(0) { $0 + ($1.hasBytes ? $1.bytes.count : width ?? 1) }
    }

    /// The numbers that one value has.
    init(_ value: WireField, in bytes: BorrowedBytes, width: Int?) {
        values = []
        self.bytes = bytes
        self.width = width
        reader = WireReader(bytes, value.bytes)
        length = value.bytes.count
    }

    /// The bits of the next number; `nil` at the end.
    mutating func next() -> UInt64? {
        while true {
            if let number = reader?.nextNumber(width: width) { return number }
            if reader?.isMalformed == true {
                isMalformed = true
                return nil
            }
            guard let value = values.popFirst() else { return nil }
            guard value.hasBytes else {
                reader = nil
                return value.number64
            }
            reader = WireReader(bytes, value.bytes)
        }
    }
}

/// The numbers of a repeated field or a tensor that differ, for one report.
struct NumberDifferences {
    private(set) var count = 0
    private(set) var spread = Spread()
    /// The first of them.
    private(set) var first: (index: Int, left: UInt64, right: UInt64)?

    mutating func add(_ index: Int, _ left: UInt64, _ right: UInt64, _ distance: Distance?) {
        if first == nil { first = (index, left, right) }
        count += 1
        if let distance { spread.add(distance) }
    }
}

extension MessageComparison {
    /// Compares numbers at the same places, and how many there are.
    mutating func compareNumbers(_ kind: ScalarKind, _ left: NumberSequence, _ right: NumberSequence) throws(Stop) {
        let lengths = (left.length, right.length)
        var (left, right) = (left, right)
        var counts = (0, 0)
        var found = NumberDifferences()
        while true {
            let (leftBits, rightBits) = (left.next(), right.next())
            if leftBits == nil, rightBits == nil { break }
            try budget.spend(2 * WorkBudget.element)
            if leftBits != nil { counts.0 += 1 }
            if rightBits != nil { counts.1 += 1 }
            guard let leftBits, let rightBits, leftBits != rightBits else { continue }
            let (leftNumber, rightNumber) = (kind.number(leftBits), kind.number(rightBits))
            let place = counts.0 - 1
            guard !settings.tolerance.allows(leftNumber, rightNumber, kind), !differences.ignores(path, index: place)
            else {
                continue
            }
            let distance = kind.isQuantity ? Distance(leftNumber, rightNumber) : nil
            found.add(place, leftBits, rightBits, distance)
        }
        if left.isMalformed || right.isMalformed {
            return try note(
                left.isMalformed ? .notAMessage(length: lengths.0) : .count(counts.0),
                right.isMalformed ? .notAMessage(length: lengths.1) : .count(counts.1))
        }
        if counts.0 != counts.1 { try note(.count(counts.0), .count(counts.1)) }
        guard let first = found.first else { return }
        path.append(.index(first.index))
        try note(value(first.left, kind), value(first.right, kind), spread: found.spread, values: found.count)
        path.removeLast()
    }
}

extension Tolerance {
    /// Whether two numbers count as equal. Those that are no quantities do only if they are the same.
    func allows(_ left: Number, _ right: Number, _ kind: ScalarKind) -> Bool {
        kind.isQuantity ? allows(left, right) : left == right
    }
}

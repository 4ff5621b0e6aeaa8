import HTTP2
import TestSupport
import Testing

extension TestField {
    /// Passes `body` the field's name and value in one buffer.
    func withBytes<Result>(_ body: (FieldBytes) -> Result) -> Result {
        // One extra byte, so that the buffer has an address even if the field is empty.
        unsafe (name + value + [0]).withUnsafeBufferPointer {
            unsafe body(FieldBytes(start: $0.baseAddress!, nameLength: name.count, valueLength: value.count))
        }
    }

    var tableSize: Int { name.count + value.count + 32 }

    /// One of a few fields, of 34 to 400 bytes.
    static func any(using random: inout SplitMix) -> TestField {
        let length = Int.random(in: 0...9, using: &random) == 0 ? 367 : Int.random(in: 1...20, using: &random)
        let value = [UInt8](repeating: UInt8.random(in: 97...100, using: &random), count: length)
        return TestField([UInt8.random(in: 97...99, using: &random)], value)
    }
}

@Suite struct DynamicTableTests {
    /// A table with notes, and a model of it: the fields with their notes, oldest first.
    private final class Pair {
        var table = DynamicTable<Int>()
        private(set) var fields: [(field: TestField, note: Int)] = []
        private var limit = 4_096
        private var notes = 0

        @discardableResult
        func insert(_ field: TestField) -> Bool {
            notes += 1
            let hasGrown = field.withBytes { table.insert($0, notes) }
            fields.append((field, notes))
            trim()
            return hasGrown
        }

        func resize(to limit: Int) {
            table.resize(to: limit)
            self.limit = limit
            trim()
        }

        private func trim() {
            while size > limit { fields.removeFirst() }
        }

        private var size: Int { fields.reduce(0) { $0 + $1.field.tableSize } }

        /// Whether the table agrees with the model.
        var agrees: Bool {
            guard table.count == fields.count, table.size == size else { return false }
            return fields.indices.allSatisfy { index in
                let position = table.oldest + index
                let bytes = table.field(of: table[position])
                return unsafe table.has(position) && table.age(of: position) == fields.count - 1 - index
                    && table[position].note == fields[index].note && Array(bytes.name) == fields[index].field.name
                    && Array(bytes.value) == fields[index].field.value
            }
        }
    }

    private static let small = TestField("a", "b")

    @Test func theOldestLeaveFirst() {
        let pair = Pair()
        pair.resize(to: 3 * 34)
        for index in 0..<5 { pair.insert(TestField("a", "\(index)")) }
        #expect(pair.agrees && pair.table.count == 3)
        #expect(!pair.table.has(1) && pair.table.has(2))
        pair.resize(to: 3 * 34 - 1)
        #expect(pair.agrees && pair.table.count == 2)
    }

    /// RFC 7541, section 4.4.
    @Test func aFieldThatNeverFitsEmptiesTheTable() {
        let pair = Pair()
        pair.resize(to: 100)
        pair.insert(Self.small)
        let exact = TestField([97], [UInt8](repeating: 98, count: 67))
        pair.insert(exact)
        #expect(pair.agrees && pair.table.count == 1 && pair.table.size == 100)
        pair.insert(Self.small)
        let hasGrown = pair.insert(TestField([97], [UInt8](repeating: 98, count: 68)))
        #expect(!hasGrown && pair.agrees && pair.table.count == 0 && pair.table.size == 0)
        pair.insert(Self.small)
        #expect(pair.agrees)
    }

    /// A peer may send a field without a byte, and send it first. What this guards shows in the builds that check
    /// assertions (scripts/sanitize.sh).
    @Test func aFieldWithoutAByteHasAPlace() {
        let pair = Pair()
        for _ in 0..<3 { pair.insert(TestField("", "")) }
        #expect(pair.agrees && pair.table.count == 3)
        pair.insert(Self.small)
        #expect(pair.agrees)
    }

    @Test func saysWhenItHasMoreRoom() {
        let pair = Pair()
        var growths: [Int] = []
        for count in 1...120 where pair.insert(Self.small) { growths.append(count) }
        #expect(growths == [1, 9, 17, 33, 65] && pair.table.capacity == 128 && pair.agrees)
    }

    /// While `changes` stays the same, everything known about the table holds.
    @Test func countsItsChanges() {
        let pair = Pair()
        var last = pair.table.changes
        func hasChanged() -> Bool {
            defer { last = pair.table.changes }
            return pair.table.changes != last
        }
        pair.insert(Self.small)
        #expect(hasChanged())
        pair.resize(to: 4_096)
        #expect(!hasChanged())
        // No entry leaves, but a field that would have been entered before may not fit now.
        pair.resize(to: 4_000)
        #expect(hasChanged())
        pair.table.removeAll()
        #expect(hasChanged())
        pair.table.removeAll()
        #expect(!hasChanged())
    }

    /// Entries keep their bytes while the table grows and wraps around.
    @Test(arguments: 1...20) func keepsWhatItHas(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let pair = Pair()
        for step in 0..<1_000 {
            if Int.random(in: 0..<50, using: &random) == 0 {
                pair.resize(to: Int.random(in: 0...4_096, using: &random))
            } else {
                pair.insert(.any(using: &random))
            }
            guard pair.agrees else {
                Issue.record("seed \(seed), step \(step)")
                return
            }
        }
    }
}

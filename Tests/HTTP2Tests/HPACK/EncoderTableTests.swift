import HTTP2
import TestSupport
import Testing

@Suite struct EncoderTableTests {
    private final class Table {
        var table = EncoderTable()

        /// - Parameter hash: any number; different fields may have the same.
        func insert(_ field: TestField, hash: UInt32) { field.withBytes { table.insert($0, hash: hash) } }
        func position(of field: TestField, hash: UInt32) -> Int? {
            field.withBytes { table.position(of: $0, hash: hash) }
        }
        func position(ofName field: TestField) -> Int? { field.withBytes { table.position(ofName: $0) } }
        func has(_ field: TestField, at position: Int) -> Bool { field.withBytes { table.has($0, at: position) } }
    }

    private let first = TestField("a", "1")
    private let second = TestField("a", "2")
    private let third = TestField("b", "3")

    @Test func findsFieldsAndNames() {
        let table = Table()
        #expect(table.position(of: first, hash: 1) == nil && table.position(ofName: first) == nil)
        table.insert(first, hash: 1)
        table.insert(second, hash: 2)
        table.insert(third, hash: 3)
        #expect(table.position(of: first, hash: 1) == 0 && table.position(of: second, hash: 2) == 1)
        #expect(table.position(ofName: first) == 1 && table.position(ofName: third) == 2)
        #expect(table.position(of: TestField("b", "1"), hash: 1) == nil)
        #expect(table.has(second, at: 1) && !table.has(second, at: 0))
        // Dynamic indexes follow the static table's 61, newest first (RFC 7541, section 2.3.3).
        #expect(table.table.index(of: 2) == 62 && table.table.index(of: 0) == 64)
    }

    /// Fields with the same hash are told apart, and found even behind newer ones.
    @Test func fieldsMayHaveTheSameHash() {
        let table = Table()
        for field in [first, second, third] { table.insert(field, hash: 5) }
        #expect(table.position(of: first, hash: 5) == 0 && table.position(of: third, hash: 5) == 2)
        // A hash with the same low bits shares the chain.
        table.insert(TestField("c", "4"), hash: 5 + 1 << 20)
        #expect(table.position(of: second, hash: 5) == 1)
        #expect(table.position(of: TestField("c", "4"), hash: 5 + 1 << 20) == 3)
    }

    @Test func doesNotFindEvictedEntries() {
        let table = Table()
        table.table.resize(to: 2 * 34)
        for field in [first, second, third] { table.insert(field, hash: 5) }
        #expect(table.position(of: first, hash: 5) == nil && !table.has(first, at: 0))
        #expect(table.position(of: second, hash: 5) == 1 && table.position(ofName: first) == 1)
        table.table.resize(to: 0)
        #expect(table.position(of: third, hash: 5) == nil && table.position(ofName: third) == nil)
    }

    /// After any sequence of insertions, the newest entry of each field is found, and no other.
    @Test(arguments: 1...20) func findsTheNewest(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let table = Table()
        var model: [(field: TestField, position: Int)] = []
        var (limit, next) = (4_096, 0)
        func hash(_ field: TestField) -> UInt32 { UInt32(field.value.count) &* 7 &+ UInt32(field.name[0] & 1) << 16 }
        for step in 0..<500 {
            if Int.random(in: 0..<40, using: &random) == 0 {
                limit = Int.random(in: 400...4_096, using: &random)
                table.table.resize(to: limit)
            } else {
                let field = TestField.any(using: &random)
                table.insert(field, hash: hash(field))
                model.append((field, next))
                next += 1
            }
            while model.reduce(0, { $0 + $1.field.tableSize }) > limit { model.removeFirst() }
            let probes = (0..<5).map { _ in TestField.any(using: &random) } + model.map(\.field)
            let isRight = probes.allSatisfy { probe in
                table.position(of: probe, hash: hash(probe)) == model.last { $0.field == probe }?.position
                    && table.position(ofName: probe) == model.last { $0.field.name == probe.name }?.position
            }
            guard isRight else {
                Issue.record("seed \(seed), step \(step)")
                return
            }
        }
    }
}

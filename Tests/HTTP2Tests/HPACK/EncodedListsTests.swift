import HTTP2
import Testing

@Suite struct EncodedListsTests {
    private let pool = HeaderListPool()

    private func list(_ value: Int) -> HeaderList {
        let list = pool.take()
        defer { pool.give(list) }
        list.append("x", "\(value)")
        return HeaderList(known: list)
    }

    private static func write(_ known: borrowing EncodedLists, _ list: HeaderList, _ tableChanges: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 100) { buffer, count in
            count = unsafe known.write(list, tableChanges, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private func learn(
        _ known: inout EncodedLists, _ list: HeaderList, _ block: [UInt8], _ before: Int, _ after: Int
    ) {
        unsafe block.withUnsafeBytes { unsafe known.learn(list, $0, (before, after), pool) }
    }

    @Test func aListIsKnownOnceTheTableStaysAsItIs() {
        var known = EncodedLists(sets: 1)
        let list = list(1)
        for (before, after) in [(0, 0), (0, 1), (1, 1)] {
            #expect(Self.write(known, list, before) == [])
            learn(&known, list, [0xbe], before, after)
        }
        #expect(Self.write(known, list, 1) == [0xbe])
        #expect(Self.write(known, list, 2) == [])
        #expect(Self.write(known, self.list(1), 1) == [], "another block of the same list")
        known.forget(pool)
        pool.give(list)
    }

    @Test func longBlocksTakeNoPlace() {
        var known = EncodedLists(sets: 1)
        let (short, long) = (list(1), list(2))
        for _ in 0..<2 { learn(&known, short, [0xbe], 1, 1) }
        for _ in 0..<10 {
            let more = list(3)
            learn(&known, more, [UInt8](repeating: 0, count: 65), 1, 1)
            pool.give(more)
        }
        for _ in 0..<2 { learn(&known, long, [UInt8](repeating: 7, count: 64), 1, 1) }
        #expect(Self.write(known, short, 1) == [0xbe])
        #expect(Self.write(known, long, 1).count == 64)
        known.forget(pool)
        for list in [short, long] { pool.give(list) }
    }

    /// The requests of many clients in turn, each with its own list, find (nearly) all a place.
    ///
    /// Where a list's places are depends on its address, so that some rounds are less lucky than others: 27 of 32 are
    /// expected. The mean of 200 rounds is far from 24 only if something is wrong.
    @Test func manyListsHavePlaces() {
        let rounds = 200
        var placed = 0
        // All are held to the end, so that no round has the addresses of another.
        let rows = (0..<rounds).map { _ in (0..<32).map(list) }
        for lists in rows {
            var known = EncodedLists(sets: 16)
            for _ in 0..<2 { for list in lists { learn(&known, list, [0xbe], 1, 1) } }
            placed += lists.count { !Self.write(known, $0, 1).isEmpty }
            known.forget(pool)
        }
        for list in rows.joined() { pool.give(list) }
        #expect(placed >= 24 * rounds, "\(placed)")
    }
}

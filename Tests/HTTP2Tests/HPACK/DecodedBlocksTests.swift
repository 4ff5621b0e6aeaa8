import HTTP2
import Testing

@Suite struct DecodedBlocksTests {
    private let pool = HeaderListPool()

    private func list(_ value: String = "1") -> HeaderList {
        let list = pool.take()
        list.append("x", value)
        return list
    }

    private func learn(
        _ blocks: inout DecodedBlocks, _ block: [UInt8], _ tableChanges: Int = 1, list given: HeaderList? = nil,
        rules: HeaderRules = HeaderRules(role: .server)
    ) {
        let list = given ?? list("\(block)")
        unsafe block.withUnsafeBytes { unsafe blocks.learn($0, tableChanges, list, rules, pool) }
        if given == nil { pool.give(list) }
    }

    private static func find(
        _ blocks: borrowing DecodedBlocks, _ block: [UInt8], _ tableChanges: Int = 1
    ) -> [String]? {
        unsafe block.withUnsafeBytes { unsafe blocks.find($0, tableChanges)?.list.list.map(\.value) }
    }

    @Test func aBlockIsKnownOnceItHasComeTwice() {
        var blocks = DecodedBlocks()
        #expect(Self.find(blocks, [0xbe]) == nil)
        learn(&blocks, [0xbe])
        #expect(Self.find(blocks, [0xbe]) == nil)
        learn(&blocks, [0xbe])
        #expect(Self.find(blocks, [0xbe]) == ["[190]"])
        #expect(Self.find(blocks, [0xbf]) == nil && Self.find(blocks, [0xbe, 0xbe]) == nil)
        blocks.forget(pool)
        #expect(Self.find(blocks, [0xbe]) == nil)
    }

    /// After a change of the table, the same bytes mean something else.
    @Test func aBlockIsKnownForItsTable() {
        var blocks = DecodedBlocks()
        for _ in 0..<2 { learn(&blocks, [0xbe], 1) }
        #expect(Self.find(blocks, [0xbe], 2) == nil)
        learn(&blocks, [0xbe], 2)
        #expect(Self.find(blocks, [0xbe], 2) == nil && Self.find(blocks, [0xbe], 1) != nil)
        blocks.forget(pool)
    }

    @Test func itsRulesAreKnownToo() {
        var blocks = DecodedBlocks()
        var rules = HeaderRules(role: .client)
        let list = list()
        _ = unsafe Array("204".utf8).withUnsafeBufferPointer { unsafe rules.take(.status, $0, behind: list) }
        for _ in 0..<2 { learn(&blocks, [0x89], list: list, rules: rules) }
        let known = unsafe ([0x89] as [UInt8]).withUnsafeBytes { unsafe blocks.find($0, 1)?.rules.status }
        #expect(known == 204)
        blocks.forget(pool)
        pool.give(list)
    }

    @Test func onlyShortAndSoundBlocksAreKept() {
        var blocks = DecodedBlocks()
        var malformed = HeaderRules(role: .server)
        malformed.takeUnsound()
        let longest = [UInt8](repeating: 0xbe, count: 64)
        let large = list(String(repeating: "v", count: 2_000))
        for _ in 0..<2 {
            learn(&blocks, longest + [0xbe])
            learn(&blocks, [1], rules: malformed)
            learn(&blocks, [2], list: large)
        }
        #expect(Self.find(blocks, longest + [0xbe]) == nil)
        #expect(Self.find(blocks, [1]) == nil && Self.find(blocks, [2]) == nil)
        for _ in 0..<2 { learn(&blocks, longest) }
        #expect(Self.find(blocks, longest) != nil)
        blocks.forget(pool)
        pool.give(large)
    }

    /// Blocks that come once push out none that recur.
    @Test func blocksThatComeOnceTakeNoPlaces() {
        var blocks = DecodedBlocks()
        for block in [[1], [2], [3]] as [[UInt8]] {
            for _ in 0..<2 { learn(&blocks, block) }
        }
        for other in UInt8(100)..<200 { learn(&blocks, [other]) }
        for block in [[1], [2], [3]] as [[UInt8]] { #expect(Self.find(blocks, block) != nil) }
        blocks.forget(pool)
    }

    /// Of four known blocks, the oldest makes room for a fifth; blocks of an earlier table go first.
    @Test func anotherBlockFindsAPlace() {
        var blocks = DecodedBlocks()
        for block in UInt8(1)...4 { for _ in 0..<2 { learn(&blocks, [block], block == 3 ? 1 : 2) } }
        for _ in 0..<2 { learn(&blocks, [5], 2) }
        #expect(Self.find(blocks, [3], 1) == nil, "of an earlier table")
        for block in [1, 2, 4, 5] as [UInt8] { #expect(Self.find(blocks, [block], 2) != nil) }
        for _ in 0..<2 { learn(&blocks, [6], 2) }
        let known = (UInt8(1)...6).filter { Self.find(blocks, [$0], 2) != nil }
        #expect(known.count == 4 && known.contains(5) && known.contains(6))
        blocks.forget(pool)
    }
}

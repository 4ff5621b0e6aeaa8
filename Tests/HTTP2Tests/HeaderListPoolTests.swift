import HTTP2
import Testing

@Suite struct HeaderListPoolTests {
    private let pool = HeaderListPool()

    @Test func countsWhatIsInUse() {
        #expect(pool.bytesInUse == 0)
        let (one, other) = (pool.take(), pool.take())
        let usual = pool.bytesInUse / 2
        #expect(usual > 1024)
        pool.give(one)
        #expect(pool.bytesInUse == usual)
        pool.give(other)
        #expect(pool.bytesInUse == 0)
        // A reused block counts the same.
        pool.give(pool.take())
        let again = pool.take()
        #expect(pool.bytesInUse == usual)
        pool.give(again)
        #expect(pool.bytesInUse == 0)
    }

    @Test func countsWhatABlockHasGrownTo() {
        let block = pool.take()
        let usual = pool.bytesInUse
        block.append("x", String(repeating: "v", count: 10_000))
        pool.recount(block)
        #expect(pool.bytesInUse >= usual + 8_000)
        pool.give(block)
        #expect(pool.bytesInUse == 0)
        // The large buffer is freed with it.
        let next = pool.take()
        #expect(pool.bytesInUse == usual)
        pool.give(next)
    }

    @Test func countsManyFieldsToo() {
        let block = pool.take()
        let usual = pool.bytesInUse
        for _ in 0..<100 { block.append("x", "") }
        pool.recount(block)
        #expect(pool.bytesInUse >= usual + 80 * 16)
        pool.give(block)
        let next = pool.take()
        #expect(pool.bytesInUse == usual)
        pool.give(next)
        #expect(pool.bytesInUse == 0)
    }

    @Test func countsABlockOnceHoweverManyHoldIt() {
        let block = pool.take()
        let bytes = pool.bytesInUse
        block.hold()
        block.hold()
        #expect(pool.bytesInUse == bytes)
        pool.give(block)
        pool.give(block)
        #expect(pool.bytesInUse == bytes)
        pool.give(block)
        #expect(pool.bytesInUse == 0)
    }

    @Test func listsThatAreKnownBelongToTheConnection() {
        let block = pool.take()
        block.append(":path", "/x")
        let known = HeaderList(known: block)
        pool.give(block)
        pool.recount(known)
        #expect(pool.bytesInUse == 0)
        // To change the list, one takes a copy, which counts.
        known.hold()
        let own = pool.own(known)
        #expect(own != known && pool.bytesInUse > 0)
        pool.give(own)
        pool.give(known)
        #expect(pool.bytesInUse == 0)
    }

    @Test func removesAFieldOnlyForOneHolder() {
        let list = pool.take()
        list.append(":path", "/x")
        list.append("content-length", "1")
        list.append("content-length", "2")
        #expect(pool.removing(.authority, from: list) == list)
        list.hold()
        let own = pool.removing(.contentLength, from: list)
        #expect(own != list && own.list.map(\.name) == [":path"] && list.list.count == 3)
        // A list with one holder is changed in place.
        let changed = pool.removing(.contentLength, from: list)
        #expect(changed == list && list.list.count == 1)
        pool.give(own)
        pool.give(list)
        #expect(pool.bytesInUse == 0)
    }

    @Test func anExcerptHasAndCountsOnlyTheRequestedFields() {
        let block = pool.take()
        block.append(":method", "POST")
        block.append(":path", "/" + String(repeating: "p", count: 5_000))
        block.append("x", String(repeating: "v", count: 9_000))
        pool.recount(block)
        #expect(block.isLarge)
        let excerpt = pool.excerpt(block, of: [(.path, 100), (.authority, 10), (.method, 10)])
        #expect(!excerpt.isLarge && pool.bytesInUse < 2_000)
        #expect(excerpt.list.map(\.name) == [":path", ":method"])
        #expect(excerpt.text(of: .path)?.utf8.count == 100 && excerpt.text(of: .method) == "POST")
        pool.give(excerpt)
        #expect(pool.bytesInUse == 0)
    }
}

import Glibc
import HTTP2
import Testing

@Suite struct PagePoolTests {
    private static func bytes(_ page: UnsafeMutableRawPointer) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(start: page, count: PagePool.pageSize)
    }

    /// Whether the system has allocated memory for a page.
    private static func isHeld(_ page: UnsafeMutableRawPointer) -> Bool {
        var state: UInt8 = 0
        unsafe #expect(mincore(page, PagePool.pageSize, &state) == 0)
        return state & 1 == 1
    }

    @Test func pagesAreZeroAndExclusive() throws {
        let pool = try #require(PagePool())
        let pages = unsafe (0..<3).compactMap { _ in unsafe pool.take() }
        unsafe #expect(Set(pages).count == 3)
        for place in unsafe pages.indices {
            let page = unsafe pages[place]
            #expect(UInt(bitPattern: page) % UInt(PagePool.pageSize) == 0)
            unsafe #expect(Self.bytes(page).allSatisfy { $0 == 0 })
            unsafe memset(page, 0xff, PagePool.pageSize)
        }
        for place in unsafe pages.indices { unsafe pool.give(pages[place]) }
        let again = unsafe (0..<4).compactMap { _ in unsafe pool.take() }
        unsafe #expect(Set(again).count == 4 && Set(again).isSuperset(of: pages), "pages are used again")
        for place in unsafe again.indices { unsafe #expect(Self.bytes(again[place]).allSatisfy { $0 == 0 }) }
    }

    @Test func aPageOfZerosGoesBackToTheSystem() throws {
        let pool = try #require(PagePool())
        let page = try unsafe #require(pool.take())
        unsafe Self.bytes(page)[100] = 1
        unsafe Self.bytes(page)[100] = 0
        unsafe #expect(Self.isHeld(page))
        unsafe pool.trim(page)
        unsafe #expect(!Self.isHeld(page))
        unsafe #expect(Self.bytes(page).allSatisfy { $0 == 0 })
    }

    @Test(arguments: [0, 7, 8, 9, 2_048, 4_095]) func aPageInUseKeepsItsBytes(offset: Int) throws {
        let pool = try #require(PagePool())
        let page = try unsafe #require(pool.take())
        unsafe Self.bytes(page)[offset] = 1
        unsafe pool.trim(page)
        unsafe #expect(Self.bytes(page)[offset] == 1)
    }

    @Test func runsOutOfPages() throws {
        let pool = try #require(PagePool())
        var count = 0
        while unsafe pool.take() != nil { count += 1 }
        #expect(count == 65_536)
    }
}

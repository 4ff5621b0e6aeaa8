import Glibc
import HTTP2
import Testing

@Suite struct PagePoolTests {
    private static func bytes(_ page: UnsafeMutableRawPointer) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: page, count: PagePool.pageSize)
    }

    /// Whether the system holds memory for a page.
    private static func isHeld(_ page: UnsafeMutableRawPointer) -> Bool {
        var state: UInt8 = 0
        #expect(mincore(page, PagePool.pageSize, &state) == 0)
        return state & 1 == 1
    }

    @Test func pagesAreZeroAndOnesOwn() throws {
        let pool = try #require(PagePool())
        let pages = (0..<3).compactMap { _ in pool.take() }
        #expect(Set(pages).count == 3)
        for page in pages {
            #expect(UInt(bitPattern: page) % UInt(PagePool.pageSize) == 0)
            #expect(Self.bytes(page).allSatisfy { $0 == 0 })
            memset(page, 0xff, PagePool.pageSize)
        }
        for page in pages { pool.give(page) }
        let again = (0..<4).compactMap { _ in pool.take() }
        #expect(Set(again).count == 4 && Set(again).isSuperset(of: pages), "pages are used again")
        for page in again { #expect(Self.bytes(page).allSatisfy { $0 == 0 }) }
    }

    @Test func aPageOfZerosGoesBackToTheSystem() throws {
        let pool = try #require(PagePool())
        let page = try #require(pool.take())
        Self.bytes(page)[100] = 1
        Self.bytes(page)[100] = 0
        #expect(Self.isHeld(page))
        pool.trim(page)
        #expect(!Self.isHeld(page))
        #expect(Self.bytes(page).allSatisfy { $0 == 0 })
    }

    @Test(arguments: [0, 7, 8, 9, 2_048, 4_095]) func aPageInUseKeepsItsBytes(offset: Int) throws {
        let pool = try #require(PagePool())
        let page = try #require(pool.take())
        Self.bytes(page)[offset] = 1
        pool.trim(page)
        #expect(Self.bytes(page)[offset] == 1)
    }

    @Test func thereIsAnEnd() throws {
        let pool = try #require(PagePool())
        var count = 0
        while pool.take() != nil { count += 1 }
        #expect(count == 65_536)
    }
}

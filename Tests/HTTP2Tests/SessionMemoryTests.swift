import CNghttp2
import HTTP2
import Testing

@Suite struct SessionMemoryTests {
    /// The allocator as libnghttp2 sees it.
    @safe private struct Allocator {
        let memory: SessionMemory
        private let functions: nghttp2_mem

        init(lending sizes: ClosedRange<Int>? = nil) {
            memory = SessionMemory(lending: sizes)
            unsafe functions = memory.withAllocator { unsafe $0.pointee }
        }

        func allocate(_ size: Int) -> UnsafeMutableRawPointer {
            unsafe functions.malloc(size, functions.mem_user_data)!
        }
        func zeroed(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
            unsafe functions.calloc(count, size, functions.mem_user_data)
        }
        func resize(_ block: UnsafeMutableRawPointer?, to size: Int) -> UnsafeMutableRawPointer {
            unsafe functions.realloc(block, size, functions.mem_user_data)!
        }
        func give(_ block: UnsafeMutableRawPointer?) { unsafe functions.free(block, functions.mem_user_data) }
    }

    private static func fill(_ block: UnsafeMutableRawPointer, _ count: Int, _ byte: UInt8 = 0xa5) {
        unsafe UnsafeMutableRawBufferPointer(start: block, count: count).copyBytes(
            from: repeatElement(byte, count: count))
    }

    private static func has(_ block: UnsafeMutableRawPointer, _ count: Int, _ byte: UInt8 = 0xa5) -> Bool {
        unsafe UnsafeRawBufferPointer(start: block, count: count).allSatisfy { $0 == byte }
    }

    @Test func blocksAreAlignedAndExclusive() {
        let allocator = Allocator()
        let sizes = [0, 1, 63, 64, 65, 2_048, 2_049, 2_112, 2_113, 100_000]
        for _ in 0..<2 {
            let blocks = unsafe sizes.map { unsafe allocator.allocate($0) }
            for index in unsafe blocks.indices {
                let block = unsafe blocks[index]
                #expect(UInt(bitPattern: block) % 16 == 0)
                unsafe Self.fill(block, sizes[index], UInt8(index))
            }
            for index in unsafe blocks.indices {
                let block = unsafe blocks[index]
                unsafe #expect(Self.has(block, sizes[index], UInt8(index)))
                unsafe allocator.give(block)
            }
        }
        unsafe allocator.give(nil)
    }

    #if !SLUICE_WITHOUT_POOLS
        @Test func blocksOfASizeAreUsedAgain() {
            let allocator = Allocator()
            let blocks = unsafe (0..<50).map { _ in unsafe allocator.allocate(65) }
            for place in unsafe blocks.indices { unsafe allocator.give(blocks[place]) }
            let others = unsafe (0..<50).map { _ in unsafe allocator.allocate(129) }
            unsafe #expect(Set(others).isDisjoint(with: blocks))
            let again = unsafe (0..<50).map { _ in unsafe allocator.allocate(128) }
            unsafe #expect(again == blocks.reversed())
            let every = unsafe others + again
            for place in unsafe every.indices { unsafe allocator.give(every[place]) }
        }
    #endif

    @Test(arguments: [
        (1, 64), (64, 65), (64, 2_112), (100, 5_000), (5_000, 50_000), (50_000, 100), (2_112, 10), (4_096, 8_192),
    ])
    func resizedBlocksKeepTheirBytes(size: Int, other: Int) {
        let allocator = Allocator()
        // A pattern that recycled memory can't have by chance.
        let bytes = (0..<max(size, other)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ size) }
        let kept = min(size, other)
        let block = unsafe allocator.allocate(size)
        unsafe UnsafeMutableRawBufferPointer(start: block, count: size).copyBytes(from: bytes.prefix(size))
        let resized = unsafe allocator.resize(block, to: other)
        unsafe #expect(UnsafeRawBufferPointer(start: resized, count: kept).elementsEqual(bytes.prefix(kept)))
        unsafe UnsafeMutableRawBufferPointer(start: resized, count: other).copyBytes(from: bytes.suffix(other))
        let again = unsafe allocator.resize(resized, to: size)
        unsafe #expect(
            UnsafeRawBufferPointer(start: again, count: kept).elementsEqual(bytes.suffix(other).prefix(kept)))
        unsafe allocator.give(again)
        let new = unsafe allocator.resize(nil, to: other)
        unsafe Self.fill(new, other)
        unsafe allocator.give(new)
    }

    @Test(arguments: [(1, 64), (10, 30), (1, 4_096), (2, 5_000)]) func zeroedBlocksAreZero(count: Int, size: Int) throws
    {
        let allocator = Allocator()
        for _ in 0..<3 {
            let block = try unsafe #require(allocator.zeroed(count, size))
            unsafe #expect(Self.has(block, count * size, 0))
            unsafe Self.fill(block, count * size)
            unsafe allocator.give(block)
        }
        unsafe #expect(allocator.zeroed(.max, 2) == nil)
    }

    /// libnghttp2's table of streams is a page, which gets pages of its own.
    @Test func aZeroedPageIsAWholePage() throws {
        let allocator = Allocator()
        let (block, page) = unsafe allocator.memory.makeServerSession { unsafe allocator.zeroed(1, 4_096) }
        unsafe #expect(block != nil && page == block && UInt(bitPattern: block) % 4_096 == 0)
        let (_, none) = unsafe allocator.memory.makeServerSession { unsafe allocator.zeroed(1, 4_095) }
        unsafe #expect(none == nil)
        let resized = unsafe allocator.resize(block, to: 10_000)
        unsafe #expect(Self.has(resized, 4_096, 0) && resized != block)
        unsafe #expect(allocator.zeroed(1, 4_096) == block, "it was given back")
    }

    @Test func aServerSessionBorrowsTheFrameBufferOnce() {
        let allocator = Allocator(lending: SessionMemory.frameBufferSizes)
        let size = SessionMemory.frameBufferSizes.lowerBound
        let buffer = unsafe UnsafeMutableRawPointer(mutating: allocator.memory.lentBytes.baseAddress!)
        let other = unsafe allocator.allocate(size)
        unsafe #expect(other != buffer && allocator.memory.lent.count == 0, "no session is being made")
        for number in 1...2 {
            let (blocks, _) = unsafe allocator.memory.makeServerSession {
                unsafe [size - 1, size, size].map { unsafe allocator.allocate($0) }
            }
            unsafe #expect(blocks[1] == buffer && blocks[0] != buffer && blocks[2] != buffer)
            #expect(allocator.memory.lent == (number, size))
            for place in unsafe blocks.indices { unsafe allocator.give(blocks[place]) }
        }
        // The buffer isn't lent again, though it was given back.
        let after = unsafe allocator.allocate(size)
        unsafe #expect(after != buffer)
        let every = unsafe [other, after]
        for place in unsafe every.indices { unsafe allocator.give(every[place]) }
    }

    @Test func aFrameBufferThatIsResizedIsItsOwnersAlone() {
        let allocator = Allocator(lending: SessionMemory.frameBufferSizes)
        let size = SessionMemory.frameBufferSizes.upperBound
        let (block, _) = unsafe allocator.memory.makeServerSession { unsafe allocator.allocate(size) }
        unsafe Self.fill(block, size)
        let resized = unsafe allocator.resize(block, to: 2 * size)
        unsafe #expect(resized != block && Self.has(resized, size))
        unsafe allocator.give(resized)
    }

    @Test func lendsNoBufferOfUnknownSize() {
        let allocator = Allocator(lending: nil)
        let size = SessionMemory.frameBufferSizes.lowerBound
        let (block, _) = unsafe allocator.memory.makeServerSession { unsafe allocator.allocate(size) }
        unsafe #expect(
            UnsafeRawPointer(block) != allocator.memory.lentBytes.baseAddress && allocator.memory.lent.count == 0)
        unsafe allocator.give(block)
    }
}

import CNghttp2
import HTTP2
import Testing

@Suite struct SessionMemoryTests {
    /// libnghttp2's view of the memory.
    private struct Allocator {
        let memory: SessionMemory
        private let functions: nghttp2_mem

        init(lending sizes: ClosedRange<Int>? = nil) {
            memory = SessionMemory(lending: sizes)
            functions = memory.withAllocator { $0.pointee }
        }

        func allocate(_ size: Int) -> UnsafeMutableRawPointer { functions.malloc(size, functions.mem_user_data)! }
        func zeroed(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
            functions.calloc(count, size, functions.mem_user_data)
        }
        func resize(_ block: UnsafeMutableRawPointer?, to size: Int) -> UnsafeMutableRawPointer {
            functions.realloc(block, size, functions.mem_user_data)!
        }
        func give(_ block: UnsafeMutableRawPointer?) { functions.free(block, functions.mem_user_data) }
    }

    private static func fill(_ block: UnsafeMutableRawPointer, _ count: Int, _ byte: UInt8 = 0xa5) {
        UnsafeMutableRawBufferPointer(start: block, count: count).copyBytes(from: repeatElement(byte, count: count))
    }

    private static func has(_ block: UnsafeMutableRawPointer, _ count: Int, _ byte: UInt8 = 0xa5) -> Bool {
        UnsafeRawBufferPointer(start: block, count: count).allSatisfy { $0 == byte }
    }

    @Test func blocksAreAlignedAndOnesOwn() {
        let allocator = Allocator()
        let sizes = [0, 1, 63, 64, 65, 2_048, 2_049, 2_112, 2_113, 100_000]
        for _ in 0..<2 {
            let blocks = sizes.map { allocator.allocate($0) }
            for (index, block) in blocks.enumerated() {
                #expect(UInt(bitPattern: block) % 16 == 0)
                Self.fill(block, sizes[index], UInt8(index))
            }
            for (index, block) in blocks.enumerated() {
                #expect(Self.has(block, sizes[index], UInt8(index)))
                allocator.give(block)
            }
        }
        allocator.give(nil)
    }

    #if !SLUICE_WITHOUT_POOLS
        @Test func blocksOfASizeAreUsedAgain() {
            let allocator = Allocator()
            let blocks = (0..<50).map { _ in allocator.allocate(65) }
            for block in blocks { allocator.give(block) }
            let others = (0..<50).map { _ in allocator.allocate(129) }
            #expect(Set(others).isDisjoint(with: blocks))
            let again = (0..<50).map { _ in allocator.allocate(128) }
            #expect(again == blocks.reversed())
            for block in others + again { allocator.give(block) }
        }
    #endif

    @Test(arguments: [
        (1, 64), (64, 65), (64, 2_112), (100, 5_000), (5_000, 50_000), (50_000, 100), (2_112, 10), (4_096, 8_192),
    ])
    func resizedBlocksKeepTheirBytes(size: Int, other: Int) {
        let allocator = Allocator()
        // Bytes that memory used before can't have by chance.
        let bytes = (0..<max(size, other)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ size) }
        let kept = min(size, other)
        let block = allocator.allocate(size)
        UnsafeMutableRawBufferPointer(start: block, count: size).copyBytes(from: bytes.prefix(size))
        let resized = allocator.resize(block, to: other)
        #expect(UnsafeRawBufferPointer(start: resized, count: kept).elementsEqual(bytes.prefix(kept)))
        UnsafeMutableRawBufferPointer(start: resized, count: other).copyBytes(from: bytes.suffix(other))
        let again = allocator.resize(resized, to: size)
        #expect(UnsafeRawBufferPointer(start: again, count: kept).elementsEqual(bytes.suffix(other).prefix(kept)))
        allocator.give(again)
        let new = allocator.resize(nil, to: other)
        Self.fill(new, other)
        allocator.give(new)
    }

    @Test(arguments: [(1, 64), (10, 30), (1, 4_096), (2, 5_000)]) func zeroedBlocksAreZero(count: Int, size: Int) throws
    {
        let allocator = Allocator()
        for _ in 0..<3 {
            let block = try #require(allocator.zeroed(count, size))
            #expect(Self.has(block, count * size, 0))
            Self.fill(block, count * size)
            allocator.give(block)
        }
        #expect(allocator.zeroed(.max, 2) == nil)
    }

    /// libnghttp2's table of streams is a page of its own.
    @Test func aZeroedPageIsAPage() throws {
        let allocator = Allocator()
        let (block, page) = allocator.memory.makeServerSession { allocator.zeroed(1, 4_096) }
        #expect(block != nil && page == block && UInt(bitPattern: block) % 4_096 == 0)
        let (_, none) = allocator.memory.makeServerSession { allocator.zeroed(1, 4_095) }
        #expect(none == nil)
        let resized = allocator.resize(block, to: 10_000)
        #expect(Self.has(resized, 4_096, 0) && resized != block)
        #expect(allocator.zeroed(1, 4_096) == block, "it was given back")
    }

    @Test func aServerSessionBorrowsTheFrameBufferOnce() {
        let allocator = Allocator(lending: SessionMemory.frameBufferSizes)
        let size = SessionMemory.frameBufferSizes.lowerBound
        let buffer = UnsafeMutableRawPointer(mutating: allocator.memory.lentBytes.baseAddress!)
        let other = allocator.allocate(size)
        #expect(other != buffer && allocator.memory.lent.count == 0, "no session is being made")
        for number in 1...2 {
            let (blocks, _) = allocator.memory.makeServerSession {
                [size - 1, size, size].map { allocator.allocate($0) }
            }
            #expect(blocks[1] == buffer && blocks[0] != buffer && blocks[2] != buffer)
            #expect(allocator.memory.lent == (number, size))
            for block in blocks { allocator.give(block) }
        }
        // It isn't lent any more, though it was given back.
        let after = allocator.allocate(size)
        #expect(after != buffer)
        for block in [other, after] { allocator.give(block) }
    }

    @Test func aFrameBufferThatIsResizedIsItsOwnersAlone() {
        let allocator = Allocator(lending: SessionMemory.frameBufferSizes)
        let size = SessionMemory.frameBufferSizes.upperBound
        let (block, _) = allocator.memory.makeServerSession { allocator.allocate(size) }
        Self.fill(block, size)
        let resized = allocator.resize(block, to: 2 * size)
        #expect(resized != block && Self.has(resized, size))
        allocator.give(resized)
    }

    @Test func noneIsLentIfTheSizeIsUnknown() {
        let allocator = Allocator(lending: nil)
        let size = SessionMemory.frameBufferSizes.lowerBound
        let (block, _) = allocator.memory.makeServerSession { allocator.allocate(size) }
        #expect(UnsafeRawPointer(block) != allocator.memory.lentBytes.baseAddress && allocator.memory.lent.count == 0)
        allocator.give(block)
    }
}

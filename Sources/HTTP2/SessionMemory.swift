import CNghttp2
import Glibc

/// The memory of many sessions on one thread: blocks that libnghttp2 frees are kept for its next stream.
///
/// A stream costs libnghttp2 about a dozen small allocations over its life; served from here they cost a few
/// instructions each instead of the general allocator's locks and searches. Confined to one thread; it must outlive its
/// sessions.
///
/// Soundness: each block begins with its header, and is with libnghttp2 or in one free list; the lists and the frame
/// buffer live as long as this object.
@safe
public final class SessionMemory {
    /// The header in front of every block, which has its size so that it can be taken back without a search.
    @safe
    private struct Header {
        var sizeClass: Int
        /// The next free block of the class, while this one is free.
        var next: UnsafeMutablePointer<Header>?
    }

    /// Granularity of blocks, in bytes; blocks above the largest size go to the general allocator.
    private static let step = 64
    private static let classes = 33
    /// Most free blocks kept of each size; none if a sanitizer is to see every block's end (scripts/sanitize.sh).
    #if SLUICE_WITHOUT_POOLS
        private static let mostKept = 0
    #else
        private static let mostKept = 16_384
    #endif
    private static let headerSize = 16
    /// The class of blocks that no list keeps.
    private static let large = 0
    /// The class of the one block that all server sessions share as their frame buffer.
    private static let shared = -1
    /// Bytes of the frame buffer, no less than libnghttp2 requests.
    private static let frameBufferSize = 16_384 + 64
    /// Sizes of a request by libnghttp2 that is taken for its frame buffer. Its interface promises nothing about this,
    /// so it is checked (`FrameBufferCheck`).
    package static let frameBufferSizes = frameBufferSize - 64...frameBufferSize

    /// The free blocks of one size.
    @safe
    private struct FreeList {
        var first: UnsafeMutablePointer<Header>?
        var count = 0
    }

    /// One list for each of the `classes`, initialized and owned. Not an array, whose checks would cost more than the
    /// rest of an allocation: a class is always within bounds, as only `allocate` makes them.
    private let free: UnsafeMutablePointer<FreeList>

    /// The buffer in which all server sessions build their frames.
    ///
    /// Every session has libnghttp2 allocate such a buffer when it is made, and an idle connection would pin a page or
    /// two of it. Its contents matter only within one `nghttp2_session_mem_send` and until the result has been copied,
    /// which is before any other session runs. (Client sessions keep the connection preface there from the start; and
    /// what a long header list needs beyond the first buffer is allocated when it's needed.) `FrameBufferCheck` checks
    /// that this is so; if it isn't, the block stays unused.
    private let frameBuffer: UnsafeMutablePointer<Header>
    /// Pages for the tables of streams; `nil` if the system grants none.
    private let pages = PagePool()
    /// The address space of all pages.
    private let pageSpace: (start: UInt, length: UInt)
    /// The page given out last.
    private var lastPage: UnsafeMutableRawPointer?
    /// The sizes by which a frame buffer is recognized; `nil` if every session has one of its own.
    private let lentSizes: ClosedRange<Int>?
    /// Whether a server session is being made: its first request of such a size is its frame buffer.
    private var lendsFrameBuffer = false
    /// How often the frame buffer was lent, and the size requested last; for the check.
    package private(set) var lent: (count: Int, size: Int) = (0, 0)

    /// Makes memory whose server sessions share a frame buffer, if this libnghttp2 was found to have one that can be
    /// shared.
    public convenience init() {
        self.init(lending: FrameBufferCheck.lentSizes)
    }

    /// - Parameter sizes: sizes of blocks that are taken for frame buffers; `nil` to lend none.
    package init(lending sizes: ClosedRange<Int>?) {
        if let sizes {
            precondition(
                sizes.lowerBound >= Self.classes * Self.step && sizes.upperBound <= Self.frameBufferSize,
                "a block that is lent is a large one, and fits")
        }
        lentSizes = sizes
        assert(MemoryLayout<Header>.size <= Self.headerSize, "a header keeps what follows aligned as malloc(3) does")
        unsafe free = .allocate(capacity: Self.classes)
        unsafe free.initialize(repeating: FreeList(), count: Self.classes)
        pageSpace = pages?.space ?? (0, 0)
        guard let memory = unsafe malloc(Self.headerSize + Self.frameBufferSize) else { fatalError("out of memory") }
        unsafe frameBuffer = memory.bindMemory(to: Header.self, capacity: 1)
        unsafe frameBuffer.initialize(to: Header(sizeClass: Self.shared, next: nil))
    }

    deinit {
        for sizeClass in 0..<Self.classes {
            var block = unsafe free[sizeClass].first
            while let current = unsafe block {
                unsafe block = current.pointee.next
                unsafe Glibc.free(current)
            }
        }
        unsafe free.deallocate()
        unsafe Glibc.free(frameBuffer)
    }

    /// Makes a server session within `make`, with the frame buffer that all of them share.
    ///
    /// - Returns: the result of `make`, and the session's page for `trim(_:)`.
    package func makeServerSession<Result>(_ make: () -> Result) -> (Result, page: UnsafeMutableRawPointer?) {
        lendsFrameBuffer = lentSizes != nil
        unsafe lastPage = nil
        let result = make()
        lendsFrameBuffer = false
        return unsafe (result, lastPage)
    }

    /// Hands a session's page back to the system for as long as it is all zeros. Harmless even if the session has
    /// another page meanwhile.
    package func trim(_ page: UnsafeMutableRawPointer) {
        unsafe pages?.trim(page)
    }

    /// Lends libnghttp2's view of this memory; libnghttp2 copies it.
    package func withAllocator<Result>(_ use: (UnsafeMutablePointer<nghttp2_mem>) -> Result) -> Result {
        var allocator = unsafe nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { size, memory in unsafe SessionMemory.with(memory) { unsafe $0.allocate(size) } },
            free: { block, memory in
                // Most of libnghttp2's calls of `free` pass a null pointer.
                guard let block = unsafe block else { return }
                unsafe SessionMemory.with(memory) { unsafe $0.give(block) }
            },
            calloc: { count, size, memory in
                let (total, overflow) = count.multipliedReportingOverflow(by: size)
                return unsafe overflow ? nil : SessionMemory.with(memory) { unsafe $0.allocateZeroed(total) }
            },
            realloc: { block, size, memory in unsafe SessionMemory.with(memory) { unsafe $0.resize(block, to: size) } })
        return unsafe use(&allocator)
    }

    /// Lends the object without counting a reference: its owner keeps it alive for as long as any session uses it.
    @inline(__always)
    private static func with<Result>(
        _ pointer: UnsafeMutableRawPointer?, _ body: (SessionMemory) -> Result
    ) -> Result {
        unsafe Unmanaged<SessionMemory>.fromOpaque(pointer!)._withUnsafeGuaranteedRef(body)
    }

    @inline(__always)
    private func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let sizeClass = Int(bitPattern: (UInt(bitPattern: size) &+ UInt(Self.step - 1)) / UInt(Self.step))
        guard sizeClass > 0, sizeClass < Self.classes, let block = unsafe free[sizeClass].first else {
            return unsafe allocateAnew(size, sizeClass)
        }
        unsafe free[sizeClass].first = block.pointee.next
        unsafe free[sizeClass].count &-= 1
        return unsafe UnsafeMutableRawPointer(block).advanced(by: Self.headerSize)
    }

    @inline(never)
    private func allocateAnew(_ size: Int, _ sizeClass: Int) -> UnsafeMutableRawPointer? {
        let isLarge = sizeClass == 0 || sizeClass >= Self.classes
        if isLarge, lendsFrameBuffer, lentSizes!.contains(size) {
            lendsFrameBuffer = false
            lent = (lent.count + 1, size)
            return unsafe UnsafeMutableRawPointer(frameBuffer).advanced(by: Self.headerSize)
        }
        guard let memory = unsafe malloc(Self.headerSize + (isLarge ? size : sizeClass * Self.step)) else { return nil }
        let block = unsafe memory.bindMemory(to: Header.self, capacity: 1)
        unsafe block.initialize(to: Header(sizeClass: isLarge ? Self.large : sizeClass, next: nil))
        return unsafe memory.advanced(by: Self.headerSize)
    }

    private func allocateZeroed(_ size: Int) -> UnsafeMutableRawPointer? {
        if size == PagePool.pageSize, let page = unsafe pages?.take() {
            unsafe lastPage = page
            return unsafe page
        }
        guard let block = unsafe allocate(size) else { return nil }
        unsafe memset(block, 0, size)
        return unsafe block
    }

    @inline(__always)
    private func give(_ pointer: UnsafeMutableRawPointer) {
        guard unsafe !isPage(pointer) else { return unsafe givePage(pointer) }
        // Every other block that libnghttp2 frees was made by `allocate`, with its header in front.
        let block = unsafe Self.header(of: pointer)
        let sizeClass = unsafe block.pointee.sizeClass
        guard sizeClass > Self.large, unsafe free[sizeClass].count < Self.mostKept else { return unsafe giveUp(block) }
        assert(sizeClass < Self.classes, "only allocate() makes blocks")
        unsafe block.pointee.next = free[sizeClass].first
        unsafe free[sizeClass].first = block
        unsafe free[sizeClass].count &+= 1
    }

    @inline(never)
    private func givePage(_ page: UnsafeMutableRawPointer) {
        unsafe pages?.give(page)
    }

    /// Frees a block that no list keeps.
    @inline(never)
    private func giveUp(_ block: UnsafeMutablePointer<Header>) {
        if unsafe block.pointee.sizeClass != Self.shared { unsafe Glibc.free(block) }
    }

    @inline(__always)
    private func isPage(_ pointer: UnsafeMutableRawPointer) -> Bool {
        // One comparison, because an address below the start wraps around.
        UInt(bitPattern: pointer) &- pageSpace.start < pageSpace.length
    }

    private func resize(_ pointer: UnsafeMutableRawPointer?, to size: Int) -> UnsafeMutableRawPointer? {
        guard let pointer = unsafe pointer else { return unsafe allocate(size) }
        // Today's libnghttp2 resizes neither zeroed memory nor its frame buffer; if it ever does, the block becomes one
        // of its own.
        guard unsafe !isPage(pointer) else { return unsafe move(pointer, PagePool.pageSize, to: size) }
        let block = unsafe Self.header(of: pointer)
        let sizeClass = unsafe block.pointee.sizeClass
        guard sizeClass != Self.shared else { return unsafe move(pointer, Self.frameBufferSize, to: size) }
        if sizeClass == Self.large {
            // A large block stays large even if it shrinks, because its header keeps saying so.
            return unsafe realloc(block, Self.headerSize + size)?.advanced(by: Self.headerSize)
        }
        guard size > sizeClass * Self.step else { return unsafe pointer }
        return unsafe move(pointer, sizeClass * Self.step, to: size)
    }

    /// Moves a block of `count` bytes into a new one, and takes the old one back.
    private func move(_ pointer: UnsafeMutableRawPointer, _ count: Int, to size: Int) -> UnsafeMutableRawPointer? {
        guard let other = unsafe allocate(size) else { return nil }
        unsafe other.copyMemory(from: pointer, byteCount: min(count, size))
        unsafe give(pointer)
        return unsafe other
    }

    /// The bytes that are lent as a frame buffer.
    package var lentBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(
            start: UnsafeRawPointer(frameBuffer).advanced(by: Self.headerSize), count: Self.frameBufferSize)
    }

    @inline(__always)
    private static func header(of pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Header> {
        unsafe pointer.advanced(by: -headerSize).assumingMemoryBound(to: Header.self)
    }
}

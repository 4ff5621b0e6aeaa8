import CNghttp2
import Glibc

/// The memory of many sessions on one thread: blocks that libnghttp2 gives back are kept for its next stream.
///
/// A stream's life costs libnghttp2 about a dozen small allocations; served from here they cost a few instructions each
/// instead of the general allocator's locks and searches. Confined to one thread; it must outlive its sessions.
public final class SessionMemory {
    /// In front of every block: which size it has, so that it can be taken back without asking.
    private struct Header {
        var sizeClass: Int
        /// The next free block of the class, while this one is free.
        var next: UnsafeMutablePointer<Header>?
    }

    /// Blocks are multiples of this many bytes; what is larger than the largest goes to the general allocator.
    private static let step = 64
    private static let classes = 33
    /// Free blocks kept of each size.
    private static let mostKept = 16_384
    private static let headerSize = 16
    /// The class of blocks that no list keeps.
    private static let large = 0

    private var free = [UnsafeMutablePointer<Header>?](repeating: nil, count: classes)
    private var kept = [Int](repeating: 0, count: classes)

    public init() {
        assert(MemoryLayout<Header>.size <= Self.headerSize, "a header keeps what follows aligned as malloc(3) does")
    }

    deinit {
        for var block in free {
            while let current = block {
                block = current.pointee.next
                Glibc.free(current)
            }
        }
    }

    /// Lends libnghttp2's view of this memory; libnghttp2 copies it.
    func withAllocator<Result>(_ use: (UnsafeMutablePointer<nghttp2_mem>) -> Result) -> Result {
        var allocator = nghttp2_mem(
            mem_user_data: Unmanaged.passUnretained(self).toOpaque(),
            malloc: { size, memory in SessionMemory.with(memory) { $0.allocate(size) } },
            free: { block, memory in SessionMemory.with(memory) { $0.give(block) } },
            calloc: { count, size, memory in
                let (total, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow, let block = SessionMemory.with(memory, { $0.allocate(total) }) else { return nil }
                memset(block, 0, total)
                return block
            },
            realloc: { block, size, memory in SessionMemory.with(memory) { $0.resize(block, to: size) } })
        return use(&allocator)
    }

    /// Lends the object without counting a reference: its owner keeps it alive for as long as any session uses it.
    @inline(__always)
    private static func with<Result>(
        _ pointer: UnsafeMutableRawPointer?, _ body: (SessionMemory) -> Result
    ) -> Result {
        Unmanaged<SessionMemory>.fromOpaque(pointer!)._withUnsafeGuaranteedRef(body)
    }

    private func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        let sizeClass = (size + Self.step - 1) / Self.step
        if sizeClass > 0, sizeClass < Self.classes, let block = free[sizeClass] {
            free[sizeClass] = block.pointee.next
            kept[sizeClass] -= 1
            return UnsafeMutableRawPointer(block).advanced(by: Self.headerSize)
        }
        let isLarge = sizeClass == 0 || sizeClass >= Self.classes
        guard let memory = malloc(Self.headerSize + (isLarge ? size : sizeClass * Self.step)) else { return nil }
        let block = memory.bindMemory(to: Header.self, capacity: 1)
        block.initialize(to: Header(sizeClass: isLarge ? Self.large : sizeClass, next: nil))
        return memory.advanced(by: Self.headerSize)
    }

    private func give(_ pointer: UnsafeMutableRawPointer?) {
        // Every block that libnghttp2 gives back was made by `allocate`, with its header in front.
        guard let block = Self.header(of: pointer) else { return }
        let sizeClass = block.pointee.sizeClass
        guard sizeClass != Self.large, kept[sizeClass] < Self.mostKept else { return Glibc.free(block) }
        block.pointee.next = free[sizeClass]
        free[sizeClass] = block
        kept[sizeClass] += 1
    }

    private func resize(_ pointer: UnsafeMutableRawPointer?, to size: Int) -> UnsafeMutableRawPointer? {
        guard let pointer, let block = Self.header(of: pointer) else { return allocate(size) }
        let sizeClass = block.pointee.sizeClass
        if sizeClass == Self.large {
            // A large block stays one, even if it shrinks: its header keeps saying so.
            return realloc(block, Self.headerSize + size)?.advanced(by: Self.headerSize)
        }
        guard size > sizeClass * Self.step else { return pointer }
        guard let larger = allocate(size) else { return nil }
        larger.copyMemory(from: pointer, byteCount: sizeClass * Self.step)
        give(pointer)
        return larger
    }

    private static func header(of pointer: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Header>? {
        pointer?.advanced(by: -headerSize).assumingMemoryBound(to: Header.self)
    }
}

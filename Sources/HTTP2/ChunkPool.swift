/// A piece of memory on its way from one socket to another; its bytes follow this header.
struct Chunk {
    var next: UnsafeMutablePointer<Chunk>?
    /// Bytes filled, from the start.
    var filled: Int
    var capacity: Int

    static let headerSize = MemoryLayout<Chunk>.stride
}

/// Chunks to use again, in two sizes: most messages are small, and bulk wants few large pieces. Confined to one thread.
public final class ChunkPool {
    /// Bytes a chunk takes up with its header.
    static let smallSize = 512
    static let largeSize = 16 * 1024 + Chunk.headerSize

    /// Chunks kept of each size. None where a sanitizer is to see every chunk's end (scripts/sanitize.sh).
    #if SLUICE_WITHOUT_POOLS
        private static let mostSmall = 0
        private static let mostLarge = 0
    #else
        private static let mostSmall = 16_384
        private static let mostLarge = 512
    #endif

    private var small: UnsafeMutablePointer<Chunk>?
    private var large: UnsafeMutablePointer<Chunk>?
    /// Bytes of chunks that are in use.
    public private(set) var bytesInUse = 0
    private var keptSmall = 0
    private var keptLarge = 0

    public init() {}

    deinit {
        Self.free(small)
        Self.free(large)
    }

    /// An empty chunk: a large one where at least `expected` bytes don't fit a small one.
    func take(expected: Int) -> UnsafeMutablePointer<Chunk> {
        let isSmall = expected <= Self.smallSize - Chunk.headerSize
        if isSmall, let chunk = small {
            small = chunk.pointee.next
            keptSmall -= 1
            chunk.pointee = Chunk(next: nil, filled: 0, capacity: chunk.pointee.capacity)
            bytesInUse += chunk.pointee.capacity
            return chunk
        }
        if !isSmall, let chunk = large {
            large = chunk.pointee.next
            keptLarge -= 1
            chunk.pointee = Chunk(next: nil, filled: 0, capacity: chunk.pointee.capacity)
            bytesInUse += chunk.pointee.capacity
            return chunk
        }
        let size = isSmall ? Self.smallSize : Self.largeSize
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: MemoryLayout<Chunk>.alignment)
        let chunk = memory.bindMemory(to: Chunk.self, capacity: 1)
        chunk.initialize(to: Chunk(next: nil, filled: 0, capacity: size - Chunk.headerSize))
        bytesInUse += chunk.pointee.capacity
        return chunk
    }

    /// Takes a chunk back. The caller must not touch it any more.
    func give(_ chunk: UnsafeMutablePointer<Chunk>) {
        bytesInUse -= chunk.pointee.capacity
        if chunk.pointee.capacity == Self.smallSize - Chunk.headerSize {
            guard keptSmall < Self.mostSmall else { return UnsafeMutableRawPointer(chunk).deallocate() }
            chunk.pointee.next = small
            small = chunk
            keptSmall += 1
        } else {
            guard keptLarge < Self.mostLarge else { return UnsafeMutableRawPointer(chunk).deallocate() }
            chunk.pointee.next = large
            large = chunk
            keptLarge += 1
        }
    }

    private static func free(_ list: UnsafeMutablePointer<Chunk>?) {
        var next = list
        while let chunk = next {
            next = chunk.pointee.next
            UnsafeMutableRawPointer(chunk).deallocate()
        }
    }
}

/// A piece of memory on its way from one socket to another; its bytes follow this header.
///
/// Soundness: `next` is `nil` or leads to a chunk of the same list, which lives for as long as it is named here.
@safe
package struct Chunk {
    /// The next chunk of the list that this one is in.
    package var next: UnsafeMutablePointer<Chunk>?
    /// Bytes filled, from the start.
    package var filled: Int
    /// Bytes that the chunk has room for, its header not included.
    package var capacity: Int

    /// Bytes of the header in front of a chunk's own bytes.
    package static let headerSize = MemoryLayout<Chunk>.stride
}

/// A pool of chunks in three sizes: most messages are small, bulk data needs few large chunks, and each of many narrow
/// windows holds a few kilobytes. Confined to one thread.
public final class ChunkPool {
    /// The unused chunks of one size.
    ///
    /// Soundness: the list owns its chunks: each was made by `take()`, and nobody else has it.
    @safe
    private struct FreeList {
        /// Bytes of payload in each chunk.
        let capacity: Int
        /// The most chunks that are kept.
        let most: Int
        var first: UnsafeMutablePointer<Chunk>?
        var count = 0

        /// - Parameters:
        ///   - size: bytes of a chunk including its header.
        ///   - most: number of chunks kept; none are kept if a sanitizer is to see every chunk's end
        ///     (scripts/sanitize.sh).
        init(size: Int, most: Int) {
            capacity = size - Chunk.headerSize
            #if SLUICE_WITHOUT_POOLS
                self.most = 0
            #else
                self.most = most
            #endif
        }

        @inline(__always)
        mutating func take() -> UnsafeMutablePointer<Chunk> {
            let empty = unsafe Chunk(next: nil, filled: 0, capacity: capacity)
            if let chunk = unsafe first {
                unsafe first = chunk.pointee.next
                count -= 1
                unsafe chunk.pointee = empty
                return unsafe chunk
            }
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: capacity + Chunk.headerSize, alignment: MemoryLayout<Chunk>.alignment)
            let chunk = unsafe memory.bindMemory(to: Chunk.self, capacity: 1)
            unsafe chunk.initialize(to: empty)
            return unsafe chunk
        }

        @inline(__always)
        mutating func give(_ chunk: UnsafeMutablePointer<Chunk>) {
            guard count < most else { return unsafe UnsafeMutableRawPointer(chunk).deallocate() }
            unsafe chunk.pointee.next = first
            unsafe first = chunk
            count += 1
        }

        func deallocate() {
            var next = unsafe first
            while let chunk = unsafe next {
                unsafe next = chunk.pointee.next
                unsafe UnsafeMutableRawPointer(chunk).deallocate()
            }
        }
    }

    private var small = FreeList(size: 512, most: 16_384)
    private var medium = FreeList(size: 6 * 1024, most: 1024)
    private var large = FreeList(size: 16 * 1024 + Chunk.headerSize, most: 512)
    /// Bytes of payload in the chunks in use.
    public private(set) var bytesInUse = 0

    public init() {}

    deinit {
        for list in [small, medium, large] { list.deallocate() }
    }

    /// Returns an empty chunk, of the smallest size that fits `expected` bytes, or else a large one.
    package func take(expected: Int) -> UnsafeMutablePointer<Chunk> {
        let chunk =
            if expected <= small.capacity {
                unsafe small.take()
            } else if expected <= medium.capacity {
                unsafe medium.take()
            } else {
                unsafe large.take()
            }
        unsafe bytesInUse += chunk.pointee.capacity
        return unsafe chunk
    }

    /// Takes a chunk back. The caller must not touch it any more.
    package func give(_ chunk: UnsafeMutablePointer<Chunk>) {
        unsafe bytesInUse -= chunk.pointee.capacity
        switch unsafe chunk.pointee.capacity {
        case small.capacity: unsafe small.give(chunk)
        case medium.capacity: unsafe medium.give(chunk)
        default: unsafe large.give(chunk)
        }
    }
}

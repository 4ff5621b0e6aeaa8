/// Bytes that wait for their way out, in chunks of a pool.
///
/// Invariants: the list runs from `head` to `tail`; `reading` is one of its chunks (or `nil` with nothing unread in any);
/// all before the read position is kept for a replay, or was given back. Whoever drops a queue calls `removeAll(to:)`
/// first. Confined to one thread.
@safe
public struct ByteQueue {
    private typealias ChunkPointer = UnsafeMutablePointer<Chunk>

    private var head: ChunkPointer?
    private var tail: ChunkPointer?
    private var reading: ChunkPointer?
    /// Within `reading`.
    private var readOffset = 0

    /// Bytes not read yet.
    public private(set) var count = 0
    /// Whether what is read stays, so that `rewind()` can bring it back.
    public private(set) var keepsForReplay: Bool
    /// Bytes that were read and stay for a replay.
    public private(set) var replayCount = 0

    public init(keepsForReplay: Bool = false) {
        self.keepsForReplay = keepsForReplay
    }

    public var isEmpty: Bool { count == 0 }

    /// Adds a copy of some bytes at the end.
    public mutating func append(_ bytes: UnsafeRawBufferPointer, from pool: ChunkPool) {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let room = unsafe tail.map { unsafe $0.pointee.capacity - $0.pointee.filled } ?? 0
            guard room > 0, let chunk = unsafe tail else {
                unsafe add(pool.take(expected: rest.count))
                continue
            }
            let length = min(room, rest.count)
            // The chunk has `room` bytes beyond `filled`, and it is this queue's alone.
            unsafe Self.payload(of: chunk).advanced(by: chunk.pointee.filled)
                .copyMemory(from: rest.baseAddress!, byteCount: length)
            unsafe chunk.pointee.filled += length
            count += length
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
    }

    /// Moves as many bytes as there are, or fit, out into `buffer`.
    public mutating func read(into buffer: UnsafeMutableRawBufferPointer, pool: ChunkPool) -> Int {
        var written = 0
        while written < buffer.count, count > 0, let chunk = unsafe reading {
            let available = unsafe chunk.pointee.filled - readOffset
            if available == 0 {
                unsafe moveOn(from: chunk, pool: pool)
                continue
            }
            let length = min(available, buffer.count - written)
            // Both ranges were just measured to hold `length` bytes.
            unsafe buffer.baseAddress!.advanced(by: written)
                .copyMemory(from: Self.payload(of: chunk).advanced(by: readOffset), byteCount: length)
            readOffset += length
            written += length
            count -= length
        }
        if keepsForReplay {
            replayCount += written
        } else if count == 0 {
            removeAll(to: pool)
        }
        return written
    }

    /// Brings back all that was read. Only while `keepsForReplay`.
    public mutating func rewind() {
        precondition(keepsForReplay, "what was read is gone")
        unsafe reading = head
        readOffset = 0
        count += replayCount
        replayCount = 0
    }

    /// Gives back what was kept for a replay, and keeps no more.
    public mutating func stopKeeping(to pool: ChunkPool) {
        guard keepsForReplay else { return }
        keepsForReplay = false
        replayCount = 0
        if count == 0 { return removeAll(to: pool) }
        while let first = unsafe head, unsafe first != reading {
            unsafe head = first.pointee.next
            unsafe pool.give(first)
        }
    }

    /// Gives all chunks back and is empty.
    public mutating func removeAll(to pool: ChunkPool) {
        while let chunk = unsafe head {
            unsafe head = chunk.pointee.next
            unsafe pool.give(chunk)
        }
        unsafe tail = nil
        unsafe reading = nil
        readOffset = 0
        count = 0
        replayCount = 0
    }

    private mutating func add(_ chunk: ChunkPointer) {
        if let last = unsafe tail {
            unsafe last.pointee.next = chunk
        } else {
            unsafe head = chunk
            unsafe reading = chunk
            readOffset = 0
        }
        unsafe tail = chunk
    }

    /// Steps from a chunk that was read to its end to the next one, which holds what is still unread.
    private mutating func moveOn(from chunk: ChunkPointer, pool: ChunkPool) {
        unsafe assert(chunk.pointee.next != nil, "unread bytes lie in a chunk")
        unsafe reading = chunk.pointee.next
        readOffset = 0
        if !keepsForReplay {
            unsafe assert(head == chunk, "nothing is kept before the chunk being read")
            unsafe head = chunk.pointee.next
            unsafe pool.give(chunk)
        }
    }

    private static func payload(of chunk: ChunkPointer) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(chunk).advanced(by: Chunk.headerSize)
    }
}

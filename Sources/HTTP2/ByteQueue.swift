/// Bytes waiting to be sent, in chunks of a pool.
///
/// Invariants: the list runs from `head` to `tail`; `reading` is one of its chunks (or `nil` when no chunk has anything
/// unread); everything before the read position is either kept for a replay or has been given back. The owner calls
/// `removeAll(to:)` before it drops a queue. Confined to one thread.
@safe
public struct ByteQueue {
    private typealias ChunkPointer = UnsafeMutablePointer<Chunk>

    private var head: ChunkPointer?
    private var tail: ChunkPointer?
    private var reading: ChunkPointer?
    /// Offset of the read position within `reading`.
    private var readOffset = 0

    /// Number of bytes not read yet.
    public private(set) var count = 0
    /// Whether bytes that are read are kept, so that `rewind()` can bring them back.
    public private(set) var keepsForReplay: Bool
    /// Number of bytes that were read and are kept for a replay.
    public private(set) var replayCount = 0

    public init(keepsForReplay: Bool = false) {
        self.keepsForReplay = keepsForReplay
    }

    /// Whether all bytes have been read.
    public var isEmpty: Bool { count == 0 }

    /// Appends a copy of some bytes.
    public mutating func append(_ bytes: UnsafeRawBufferPointer, from pool: ChunkPool) {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let room = unsafe tail.map { unsafe $0.pointee.capacity - $0.pointee.filled } ?? 0
            guard room > 0, let chunk = unsafe tail else {
                unsafe add(pool.take(expected: rest.count))
                continue
            }
            let length = min(room, rest.count)
            // The chunk has `room` bytes beyond `filled`, and belongs to this queue alone.
            unsafe Self.payload(of: chunk).advanced(by: chunk.pointee.filled)
                .copyMemory(from: rest.baseAddress!, byteCount: length)
            unsafe chunk.pointee.filled += length
            count += length
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[length...])
        }
    }

    /// Moves bytes into `buffer`, until it is full or none are left, and returns their number.
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

    /// Brings back all bytes that were read. Allowed only while `keepsForReplay`.
    public mutating func rewind() {
        precondition(keepsForReplay, "what was read is gone")
        unsafe reading = head
        readOffset = 0
        count += replayCount
        replayCount = 0
    }

    /// Gives back the bytes kept for a replay, and keeps no more.
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

    /// Gives all chunks back, which leaves the queue empty.
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

    /// Moves from a chunk that was read to its end on to the next one, which holds unread bytes.
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

/// The fields that one side of a connection can refer to by number because they came before (RFC 7541, section 2.3.2).
///
/// Entries are added at one end and removed at the other, so an entry's position, which counts all entries ever added,
/// tells where it is and whether it is still there.
///
/// Soundness: `entries` has `capacity` elements, a power of two, and is indexed by a position under `mask`; those from
/// `oldest` to before `next` are initialized, and have their bytes within the first `end` of `bytes`.
@safe
package struct DynamicTable<Note: BitwiseCopyable>: ~Copyable {
    /// A field in the table.
    package struct Entry: BitwiseCopyable {
        /// Offset of the name in the table's bytes; the value follows it directly.
        fileprivate(set) var start: UInt16
        let nameLength: UInt16
        let valueLength: UInt16
        /// The owner's note about the entry.
        package var note: Note

        /// The entry's size (RFC 7541, section 4.1).
        var size: Int { Int(nameLength) + Int(valueLength) + 32 }
    }

    /// Upper bound of `size`.
    private(set) var limit = HPACK.largestTable
    /// The sum of the entries' sizes.
    package private(set) var size = 0

    /// The position that the next entry gets.
    package private(set) var next = 0
    /// The position of the oldest entry left; equal to `next` if there is none.
    package private(set) var oldest = 0
    /// Number of entries that have room; 0 until the first one comes.
    package private(set) var capacity = 0
    private var entries: UnsafeMutablePointer<Entry>?

    private var bytes: UnsafeMutablePointer<UInt8>?
    private var byteCapacity = 0
    private var end = 0

    private static var leastEntries: Int { 8 }
    private static var leastBytes: Int { 256 }

    package init() {}

    deinit {
        unsafe entries?.deallocate()
        unsafe bytes?.deallocate()
    }

    private var mask: Int { capacity &- 1 }

    /// Number of entries.
    package var count: Int { next &- oldest }

    /// Number of times that the limit has changed.
    private var resizes = 0

    /// Grows whenever an entry is added or removed, or one may be added that couldn't be before. While it stays the
    /// same, every index refers to the same field, and a field that was not entered would still not be.
    package var changes: Int { next &+ oldest &+ resizes }

    /// Number of entries newer than the one at a position.
    @inline(__always)
    package func age(of position: Int) -> Int { next &- 1 &- position }

    /// Whether a position that was once in use still is.
    @inline(__always)
    package func has(_ position: Int) -> Bool {
        assert(position < next, "only what has come in has a position")
        return position >= oldest
    }

    /// The entry at a position that is in use.
    @inline(__always)
    package subscript(position: Int) -> Entry {
        get {
            assert(position >= oldest && position < next, "the position is in use")
            return unsafe entries.unsafelyUnwrapped[position & mask]
        }
        set { unsafe entries.unsafelyUnwrapped[position & mask] = newValue }
    }

    /// Lends the bytes of an entry until the table changes.
    @inline(__always)
    package func field(of entry: Entry) -> FieldBytes {
        unsafe FieldBytes(
            start: UnsafePointer(bytes.unsafelyUnwrapped.advanced(by: Int(entry.start))),
            nameLength: Int(entry.nameLength), valueLength: Int(entry.valueLength))
    }

    /// Enters a field, and removes the oldest entries if it doesn't fit otherwise. A field that would never fit empties
    /// the table and isn't entered (RFC 7541, section 4.4).
    ///
    /// - Returns: whether the table has more room than before, so that anything derived from `capacity` is void.
    package mutating func insert(_ field: FieldBytes, _ note: Note) -> Bool {
        evict(to: limit - field.tableSize)
        guard field.tableSize <= limit else { return false }
        let length = field.nameLength + field.valueLength
        let isFull = count == capacity
        if isFull { makeRoomForEntry() }
        // A field without a byte needs a buffer, too, as its entry has an address in it.
        if end + length >= byteCapacity { makeRoom(for: length) }
        unsafe bytes.unsafelyUnwrapped.advanced(by: end).initialize(from: field.start, count: length)
        unsafe entries.unsafelyUnwrapped.advanced(by: next & mask).initialize(
            to: Entry(
                start: UInt16(end), nameLength: UInt16(field.nameLength), valueLength: UInt16(field.valueLength),
                note: note))
        next += 1
        end += length
        size += field.tableSize
        return isFull
    }

    /// Removes every entry, as entering a field that would never fit does.
    package mutating func removeAll() { evict(to: 0) }

    /// Changes the table's limit; entries that don't fit any more are removed, the oldest first (RFC 7541, section
    /// 4.3).
    package mutating func resize(to limit: Int) {
        precondition((0...HPACK.largestTable).contains(limit), "no larger table is announced or agreed to")
        if limit != self.limit { resizes += 1 }
        self.limit = limit
        evict(to: limit)
    }

    private mutating func evict(to most: Int) {
        while size > max(most, 0) {
            size -= self[oldest].size
            oldest += 1
        }
    }

    private mutating func makeRoomForEntry() {
        let (oldMask, oldEntries) = unsafe (mask, entries)
        capacity = max(2 * capacity, Self.leastEntries)
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        if let oldEntries = unsafe oldEntries {
            for position in oldest..<next {
                unsafe entries.advanced(by: position & mask).initialize(to: oldEntries[position & oldMask])
            }
            unsafe oldEntries.deallocate()
        }
        unsafe self.entries = entries
    }

    /// Moves the bytes that are left to the front, and into a larger buffer if they take half of this one.
    private mutating func makeRoom(for length: Int) {
        let first = count > 0 ? Int(self[oldest].start) : end
        let used = end - first
        let old = unsafe bytes
        if 2 * (used + length) >= byteCapacity {
            byteCapacity = max(2 * byteCapacity, Self.leastBytes)
            while 2 * (used + length) > byteCapacity { byteCapacity *= 2 }
            unsafe bytes = .allocate(capacity: byteCapacity)
        }
        if let old = unsafe old, let bytes = unsafe bytes {
            unsafe bytes.update(from: old.advanced(by: first), count: used)
        }
        if unsafe old != bytes { unsafe old?.deallocate() }
        for position in oldest..<next { self[position].start -= UInt16(first) }
        end = used
    }
}

/// The constants that both directions of a connection share.
enum HPACK {
    /// Bytes of a table's initial limit (RFC 9113, section 6.5.2), and of the largest one used here.
    static let largestTable = 4096

    /// The index of the newest entry of the dynamic table (RFC 7541, section 2.3.3).
    static let firstDynamicIndex = StaticTable.count + 1
}

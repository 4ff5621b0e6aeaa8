/// The fields that one side of a connection can name by a number, since they came before (RFC 7541, section 2.3.2).
///
/// Entries come in at one end and go out at the other, so an entry's position, which counts all that ever came in, tells
/// where it is and whether it is still there.
///
/// Soundness: `entries` has `capacity` elements, a power of two, and is indexed by what `mask` leaves of a position; those
/// from `oldest` to before `next` are initialized, and have their bytes within the first `end` of `bytes`.
@safe
struct DynamicTable<Note: BitwiseCopyable>: ~Copyable {
    struct Entry: BitwiseCopyable {
        /// Where the name begins in the table's bytes; the value is right behind it.
        fileprivate(set) var start: UInt16
        let nameLength: UInt16
        let valueLength: UInt16
        /// What the owner knows of it.
        var note: Note

        /// What it counts for (RFC 7541, section 4.1).
        var size: Int { Int(nameLength) + Int(valueLength) + 32 }
    }

    /// What the table may have at most, as `size` counts.
    private(set) var limit = HPACK.largestTable
    /// The sum of the entries' sizes.
    private(set) var size = 0

    /// The position that the next entry gets, and that of the oldest one left.
    private(set) var next = 0
    private(set) var oldest = 0
    /// How many entries have room; none until the first one comes.
    private(set) var capacity = 0
    private var entries: UnsafeMutablePointer<Entry>?

    private var bytes: UnsafeMutablePointer<UInt8>?
    private var byteCapacity = 0
    private var end = 0

    private static var leastEntries: Int { 8 }
    private static var leastBytes: Int { 256 }

    deinit {
        unsafe entries?.deallocate()
        unsafe bytes?.deallocate()
    }

    private var mask: Int { capacity &- 1 }

    /// How many entries there are.
    var count: Int { next &- oldest }

    /// How often the limit has changed.
    private var resizes = 0

    /// Grows whenever an entry comes or goes, or may come that couldn't before: as long as it is the same, every index names
    /// the same field, and a field that hasn't been entered wouldn't be.
    var changes: Int { next &+ oldest &+ resizes }

    /// How many entries are newer than that of a position.
    @inline(__always)
    func age(of position: Int) -> Int { next &- 1 &- position }

    /// Whether a position that was in use once still is.
    @inline(__always)
    func has(_ position: Int) -> Bool {
        assert(position < next, "only what has come in has a position")
        return position >= oldest
    }

    /// The entry of a position that is in use.
    @inline(__always)
    subscript(position: Int) -> Entry {
        get {
            assert(position >= oldest && position < next, "the position is in use")
            return unsafe entries.unsafelyUnwrapped[position & mask]
        }
        set { unsafe entries.unsafelyUnwrapped[position & mask] = newValue }
    }

    /// Lends the bytes of an entry until the table changes.
    @inline(__always)
    func field(of entry: Entry) -> FieldBytes {
        unsafe FieldBytes(
            start: UnsafePointer(bytes.unsafelyUnwrapped.advanced(by: Int(entry.start))),
            nameLength: Int(entry.nameLength), valueLength: Int(entry.valueLength))
    }

    /// Enters a field, for which the oldest ones have to go if it doesn't fit. One that would never fit empties the table
    /// and isn't entered (RFC 7541, section 4.4).
    ///
    /// - Returns: whether the table has more room now than before, so that what was derived from `capacity` is void.
    mutating func insert(_ field: FieldBytes, _ note: Note) -> Bool {
        evict(to: limit - field.tableSize)
        guard field.tableSize <= limit else { return false }
        let length = field.nameLength + field.valueLength
        let isFull = count == capacity
        if isFull { makeRoomForEntry() }
        if end + length > byteCapacity { makeRoom(for: length) }
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

    /// Takes every entry out, as a field does that would never fit.
    mutating func removeAll() { evict(to: 0) }

    /// Makes the table smaller or larger; what doesn't fit any more goes, the oldest first (RFC 7541, section 4.3).
    mutating func resize(to limit: Int) {
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

    /// Moves what is left to the front, of a larger buffer if it takes more than half of this one.
    private mutating func makeRoom(for length: Int) {
        let first = count > 0 ? Int(self[oldest].start) : end
        let used = end - first
        let old = unsafe bytes
        if 2 * (used + length) > byteCapacity {
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

/// What both directions of a connection agree on.
enum HPACK {
    /// The size of a table at first (RFC 9113, section 6.5.2), and the largest one that is used here.
    static let largestTable = 4096

    /// The index of the newest entry of the dynamic table (RFC 7541, section 2.3.3).
    static let firstDynamicIndex = StaticTable.count + 1
}

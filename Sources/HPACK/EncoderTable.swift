/// An encoder's copy of its peer's dynamic table (RFC 7541, section 2.3.2): the fields it can name by a number.
///
/// Entries come in at one end and go out at the other, so an entry's position, which counts all that ever came in, tells
/// where it is and whether it is still there. Fields with the same low bits of their hash are chained from the newest to
/// the oldest; a chain ends at the first position that is gone, so nothing is unlinked.
///
/// Soundness: `entries` and `newest` have `capacity` elements, a power of two, all initialized, and are indexed by what
/// `mask` leaves; an entry from `oldest` on has its bytes within the first `end` of `bytes`.
struct EncoderTable: ~Copyable {
    /// The largest table that is used, and what one has at first (RFC 9113, section 6.5.2).
    static let largestSize = 4096

    private struct Entry {
        var hash: UInt32
        /// Where the name begins in `bytes`; the value is right behind it.
        var start: UInt16
        var nameLength: UInt16
        var valueLength: UInt16
        /// The position of the next older entry of the chain, or of one that is gone.
        var older: Int
    }

    /// What the peer lets the table have, as `size` counts.
    private(set) var limit = Self.largestSize
    /// The sum of the entries' sizes (RFC 7541, section 4.1).
    private(set) var size = 0

    /// The position that the next entry gets, and that of the oldest one left.
    private var next = 0
    private var oldest = 0
    /// Nothing is allocated until the first entry.
    private var capacity = 0
    private var entries: UnsafeMutablePointer<Entry>?
    /// The position of the newest entry of each chain, or of one that is gone, or -1.
    private var newest: UnsafeMutablePointer<Int>?

    private var bytes: UnsafeMutablePointer<UInt8>?
    private var byteCapacity = 0
    private var end = 0

    private static let leastEntries = 8
    private static let leastBytes = 256

    deinit {
        entries?.deallocate()
        newest?.deallocate()
        bytes?.deallocate()
    }

    private var mask: Int { capacity &- 1 }

    /// How many entries there are.
    var count: Int { next &- oldest }

    /// How many entries are newer than that of a position.
    @inline(__always)
    func age(of position: Int) -> Int { next &- 1 &- position }

    /// - Returns: the position of the entry that is this field; `nil` if there is none.
    @inline(__always)
    func position(of field: FieldBytes, hash: UInt32) -> Int? {
        guard let entries, let newest else { return nil }
        var position = newest[Int(hash) & mask]
        while position >= oldest {
            if entries[position & mask].hash == hash, has(field, at: position) { return position }
            position = entries[position & mask].older
        }
        return nil
    }

    /// Whether a position that was in use once is still there, and its entry is this field.
    @inline(__always)
    func has(_ field: FieldBytes, at position: Int) -> Bool {
        guard position >= oldest, let entries, let bytes else { return false }
        assert(position < next, "only what has come in has a position")
        let entry = entries[position & mask]
        return field.isAt(
            bytes.advanced(by: Int(entry.start)), nameLength: entry.nameLength, valueLength: entry.valueLength)
    }

    /// - Returns: the position of the newest entry with this field's name; `nil` if there is none.
    func position(ofName field: FieldBytes) -> Int? {
        guard let entries, let bytes else { return nil }
        var position = next &- 1
        while position >= oldest {
            let entry = entries[position & mask]
            if Int(entry.nameLength) == field.nameLength,
                FieldBytes.areEqual(bytes.advanced(by: Int(entry.start)), field.start, field.nameLength)
            {
                return position
            }
            position &-= 1
        }
        return nil
    }

    /// Enters a field, for which the oldest ones have to go if it doesn't fit.
    ///
    /// - Precondition: it isn't larger than `limit`.
    mutating func insert(_ field: FieldBytes, hash: UInt32) {
        precondition(field.tableSize <= limit, "what doesn't fit is not entered")
        evict(to: limit - field.tableSize)
        let length = field.nameLength + field.valueLength
        if count == capacity { makeRoomForEntry() }
        if end + length > byteCapacity { makeRoom(for: length) }
        guard let entries, let newest, let bytes else { fatalError("room was made") }
        bytes.advanced(by: end).initialize(from: field.start, count: length)
        let chain = Int(hash) & mask
        entries[next & mask] = Entry(
            hash: hash, start: UInt16(end), nameLength: UInt16(field.nameLength),
            valueLength: UInt16(field.valueLength),
            older: newest[chain])
        newest[chain] = next
        next += 1
        end += length
        size += field.tableSize
    }

    /// Makes the table smaller or larger; what doesn't fit any more goes, the oldest first (RFC 7541, section 4.3).
    mutating func resize(to limit: Int) {
        precondition((0...Self.largestSize).contains(limit), "libnghttp2 asks its peer for no larger table")
        self.limit = limit
        evict(to: limit)
    }

    private mutating func evict(to most: Int) {
        while size > most, let entries {
            let entry = entries[oldest & mask]
            size -= Int(entry.nameLength) + Int(entry.valueLength) + 32
            oldest += 1
        }
    }

    private mutating func makeRoomForEntry() {
        let (oldMask, oldEntries) = (mask, entries)
        newest?.deallocate()
        capacity = max(2 * capacity, Self.leastEntries)
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
        let newest = UnsafeMutablePointer<Int>.allocate(capacity: capacity)
        entries.initialize(
            repeating: Entry(hash: 0, start: 0, nameLength: 0, valueLength: 0, older: -1), count: capacity)
        newest.initialize(repeating: -1, count: capacity)
        if let oldEntries {
            for position in oldest..<next {
                var entry = oldEntries[position & oldMask]
                let chain = Int(entry.hash) & mask
                entry.older = newest[chain]
                entries[position & mask] = entry
                newest[chain] = position
            }
            oldEntries.deallocate()
        }
        (self.entries, self.newest) = (entries, newest)
    }

    /// Moves what is left to the front, of a larger buffer if it takes more than half of this one.
    private mutating func makeRoom(for length: Int) {
        let first = count > 0 ? Int(entries![oldest & mask].start) : end
        let used = end - first
        let old = bytes
        if 2 * (used + length) > byteCapacity {
            byteCapacity = max(2 * byteCapacity, Self.leastBytes)
            while 2 * (used + length) > byteCapacity { byteCapacity *= 2 }
            bytes = .allocate(capacity: byteCapacity)
        }
        if let old, let bytes { bytes.update(from: old.advanced(by: first), count: used) }
        if old != bytes { old?.deallocate() }
        for position in oldest..<next { entries![position & mask].start -= UInt16(first) }
        end = used
    }
}

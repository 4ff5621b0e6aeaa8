/// Recently sent header lists and the header blocks that they were encoded to: as long as the table doesn't change,
/// they are encoded to the same bytes.
///
/// Only lists that are known to come again are noted (`HeaderList.isKnown`), and they are found by identity. Confined
/// to one thread.
///
/// Soundness: `slots` has `slotCount` elements, all initialized. Each list in a slot is held, so it stays the same list
/// until it is given back, which is when it leaves the slot.
@safe
package struct EncodedLists: ~Copyable {
    private struct Slot {
        var list: HeaderList?
        /// The table's `changes` when the list was last encoded.
        var tableChanges = 0
        /// The header block of the list; `nil` if the list wasn't encoded with a table that stays as it is.
        var block: ShortBytes?
    }

    /// Number of slots shared by lists of the same hash.
    private static let ways = 4
    private let sets: Int
    private var slotCount: Int { sets * Self.ways }

    /// `nil` until there is something to keep.
    private var slots: UnsafeMutablePointer<Slot>?
    /// The way that is taken next if all are in use.
    private var next = 0

    /// - Parameter sets: a power of two. One set is enough for the answers to one client, but not for the requests of
    ///   many.
    package init(sets: Int) {
        precondition(sets > 0 && sets & (sets - 1) == 0)
        self.sets = sets
    }

    deinit { unsafe assert(slots == nil, "forget(_:) comes first, since the lists go back to a pool") }

    /// Writes a list's header block, if it is known.
    ///
    /// - Parameter output: a buffer with room for the encoded list.
    /// - Returns: the number of bytes written; 0 for a list that has to be encoded.
    @inline(__always)
    package func write(_ list: HeaderList, _ tableChanges: Int, into output: UnsafeMutableRawBufferPointer) -> Int {
        guard let slots = unsafe slots else { return 0 }
        let first = first(for: list)
        for index in first..<first &+ Self.ways where unsafe slots[index].list == list {
            guard unsafe slots[index].tableChanges == tableChanges, let block = unsafe slots[index].block else {
                return 0
            }
            unsafe block.write(to: output)
            return block.count
        }
        return 0
    }

    /// Takes note of a list that has been encoded.
    ///
    /// - Parameter tableChanges: the table's `changes` before and after encoding.
    package mutating func learn(
        _ list: HeaderList, _ block: UnsafeRawBufferPointer, _ tableChanges: (before: Int, after: Int),
        _ pool: HeaderListPool
    ) {
        guard unsafe ShortBytes.fits(block) else { return }
        let slots = unsafe self.slots ?? makeSlots()
        let first = first(for: list)
        for index in first..<first + Self.ways where unsafe slots[index].list == list {
            // The second time at the earliest, since fields are entered then. A field that another one has made the
            // encoder forget meanwhile stays out of the table a while longer.
            let isSettled =
                unsafe slots[index].tableChanges == tableChanges.before && tableChanges.before == tableChanges.after
            unsafe slots[index].block = isSettled ? ShortBytes(block) : nil
            unsafe slots[index].tableChanges = tableChanges.after
            return
        }
        let free = (first..<first + Self.ways).first { unsafe slots[$0].list == nil }
        let index = free ?? first + next
        next = (next + 1) % Self.ways
        if let old = unsafe slots[index].list { pool.give(old) }
        list.hold()
        unsafe slots[index] = Slot(list: list, tableChanges: tableChanges.after)
    }

    @inline(__always)
    private func first(for list: HeaderList) -> Int { (list.hash & (sets &- 1)) &* Self.ways }

    private mutating func makeSlots() -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: slotCount)
        unsafe slots.initialize(repeating: Slot(), count: slotCount)
        unsafe self.slots = slots
        return unsafe slots
    }

    /// Releases everything.
    package mutating func forget(_ pool: HeaderListPool) {
        guard let slots = unsafe slots else { return }
        for index in 0..<slotCount {
            if let list = unsafe slots[index].list { pool.give(list) }
        }
        unsafe slots.deallocate()
        unsafe self.slots = nil
    }
}

/// Recent header blocks and the header lists that they decode to: most calls of a client have the same fields, and as
/// long as the table doesn't change, these come as the same bytes.
///
/// Only short blocks that have come twice are kept, and no more of them than are usual among a connection's calls, so
/// that a peer that sends other lists costs a comparison or two. Confined to one thread.
///
/// Soundness: `slots` has `slotCount` elements, all initialized. Each list in a slot is held, and is given back by the
/// code that takes the list out of it.
@safe
package struct DecodedBlocks: ~Copyable {
    /// The result of decoding a block that is remembered.
    package struct Known {
        /// The decoded list, which others may hold as well.
        package let list: HeaderList
        /// The rules' judgement of the list.
        package let rules: HeaderRules
    }

    private struct Slot {
        var block = ShortBytes()
        /// The table's `changes` when the block came.
        var tableChanges = -1
        /// `nil` if the block has come only once.
        var known: Known?
    }

    private static let slotCount = 4

    /// `nil` until there is something to keep.
    private var slots: UnsafeMutablePointer<Slot>?
    /// The slot at which the search for a place begins.
    private var next = 0

    package init() {}

    deinit { unsafe assert(slots == nil, "forget(_:) comes first, since the lists go back to a pool") }

    /// - Returns: the list and rules of a known block, otherwise `nil`. The list isn't held for the caller.
    @inline(__always)
    package func find(_ block: UnsafeRawBufferPointer, _ tableChanges: Int) -> Known? {
        guard let slots = unsafe slots else { return nil }
        for index in 0..<Self.slotCount
        where unsafe slots[index].tableChanges == tableChanges && slots[index].block.isEqual(to: block) {
            return unsafe slots[index].known
        }
        return nil
    }

    /// Takes note of a block that was decoded without changing the table.
    package mutating func learn(
        _ block: UnsafeRawBufferPointer, _ tableChanges: Int, _ list: HeaderList, _ rules: HeaderRules,
        _ pool: HeaderListPool
    ) {
        guard unsafe ShortBytes.fits(block), list.isSmall, !list.isTruncated, !rules.isMalformed else { return }
        let slots = unsafe self.slots ?? makeSlots()
        for index in 0..<Self.slotCount
        where unsafe slots[index].tableChanges == tableChanges && slots[index].block.isEqual(to: block) {
            unsafe assert(slots[index].known == nil, "find(_:_:) has found nothing")
            unsafe slots[index].known = Known(list: HeaderList(known: list), rules: rules)
            return
        }
        let place = unsafe place(tableChanges, slots)
        if let old = unsafe slots[place].known?.list { pool.give(old) }
        unsafe slots[place] = Slot(block: ShortBytes(block), tableChanges: tableChanges, known: nil)
        next = (place + 1) % Self.slotCount
    }

    /// - Returns: the slot of a block that won't come again, or may not; otherwise that of an older one.
    private func place(_ tableChanges: Int, _ slots: UnsafeMutablePointer<Slot>) -> Int {
        for offset in 0..<Self.slotCount {
            let place = (next + offset) % Self.slotCount
            if unsafe slots[place].known == nil || slots[place].tableChanges != tableChanges { return place }
        }
        return next
    }

    private mutating func makeSlots() -> UnsafeMutablePointer<Slot> {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: Self.slotCount)
        unsafe slots.initialize(repeating: Slot(), count: Self.slotCount)
        unsafe self.slots = slots
        return unsafe slots
    }

    /// Releases everything.
    package mutating func forget(_ pool: HeaderListPool) {
        guard let slots = unsafe slots else { return }
        for index in 0..<Self.slotCount {
            if let list = unsafe slots[index].known?.list { pool.give(list) }
        }
        unsafe slots.deallocate()
        unsafe self.slots = nil
    }
}

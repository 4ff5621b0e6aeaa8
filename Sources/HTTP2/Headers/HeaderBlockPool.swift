/// Header blocks to use again. Confined to one thread.
public final class HeaderBlockPool {
    private var first: HeaderBlock?
    private var count = 0
    /// Bytes of memory of the blocks that somebody has. Those that are known to come again are not among them: they are
    /// small, a few for each connection, and belong to that.
    public private(set) var bytesInUse = 0

    /// As many as a worker's calls have in use at a time, when there are many. None where a sanitizer is to see every block's
    /// end (scripts/sanitize.sh).
    #if SLUICE_WITHOUT_POOLS
        private static let mostKept = 0
    #else
        private static let mostKept = 16_384
    #endif

    public init() {}

    deinit {
        while let block = first {
            first = block.next
            block.deallocate()
        }
    }

    /// - Returns: an empty block that nobody else has.
    public func take() -> HeaderBlock {
        let block: HeaderBlock
        if let free = first {
            first = free.next
            count -= 1
            free.hold()
            block = free
        } else {
            block = HeaderBlock()
        }
        recount(block)
        return block
    }

    /// Takes note of how much memory a block takes by now. To be called where it may have grown since it was taken.
    public func recount(_ block: HeaderBlock) {
        let bytes = block.isKnown ? 0 : block.allocatedBytes
        bytesInUse += bytes - block.countedBytes
        block.countedBytes = bytes
    }

    /// Takes back a block that one of its holders is done with.
    public func give(_ block: HeaderBlock) {
        guard block.letGo() else { return }
        bytesInUse -= block.countedBytes
        block.countedBytes = 0
        guard !block.isKnown, count < Self.mostKept else { return block.deallocate() }
        block.retire()
        block.next = first
        first = block
        count += 1
    }

    /// For who wants to change a block that it was given.
    ///
    /// - Returns: the block, or if others have it too, one with the same list in its stead.
    public func own(_ block: HeaderBlock) -> HeaderBlock {
        guard block.isShared else { return block }
        let copy = take()
        copy.copy(block)
        recount(copy)
        give(block)
        return copy
    }

    /// For who needs only a little of a block that it was given.
    ///
    /// - Parameter fields: what is needed, and how many bytes of each value.
    /// - Returns: a block with just that in its stead.
    public func excerpt(_ block: HeaderBlock, of fields: [(name: FieldName, most: Int)]) -> HeaderBlock {
        let excerpt = take()
        for field in fields { excerpt.append(field.name, of: block, most: field.most) }
        recount(excerpt)
        give(block)
        return excerpt
    }
}

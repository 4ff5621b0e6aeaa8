/// Header blocks to use again. Confined to one thread.
public final class HeaderBlockPool {
    private var first: HeaderBlock?
    private var count = 0
    /// As many as a worker's calls have in use at a time, when there are many.
    private static let mostKept = 16_384

    public init() {}

    deinit {
        while let block = first {
            first = block.next
            block.deallocate()
        }
    }

    /// - Returns: an empty block that nobody else has.
    public func take() -> HeaderBlock {
        guard let block = first else { return HeaderBlock() }
        first = block.next
        count -= 1
        block.hold()
        return block
    }

    /// Takes back a block that one of its holders is done with.
    public func give(_ block: HeaderBlock) {
        guard block.letGo() else { return }
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
        give(block)
        return copy
    }
}

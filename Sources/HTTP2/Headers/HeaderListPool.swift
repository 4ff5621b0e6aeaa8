/// Header lists to use again. Confined to one thread.
public final class HeaderListPool {
    private var first: HeaderList?
    private var count = 0
    /// Bytes of memory of the lists that somebody has. Those that are known to come again are not among them: they are
    /// small, a few for each connection, and belong to that.
    public private(set) var bytesInUse = 0

    /// As many as a worker's calls have in use at a time, when there are many. None where a sanitizer is to see every list's
    /// end (scripts/sanitize.sh).
    #if SLUICE_WITHOUT_POOLS
        private static let mostKept = 0
    #else
        private static let mostKept = 16_384
    #endif

    public init() {}

    deinit {
        while let list = first {
            first = list.next
            list.deallocate()
        }
    }

    /// - Returns: an empty list that nobody else has.
    public func take() -> HeaderList {
        let list: HeaderList
        if let free = first {
            first = free.next
            count -= 1
            free.hold()
            list = free
        } else {
            list = HeaderList()
        }
        recount(list)
        return list
    }

    /// Takes note of how much memory a list takes by now. To be called where it may have grown since it was taken.
    public func recount(_ list: HeaderList) {
        let bytes = list.isKnown ? 0 : list.allocatedBytes
        bytesInUse += bytes - list.countedBytes
        list.countedBytes = bytes
    }

    /// Takes back a list that one of its holders is done with.
    public func give(_ list: HeaderList) {
        guard list.letGo() else { return }
        bytesInUse -= list.countedBytes
        list.countedBytes = 0
        guard !list.isKnown, count < Self.mostKept else { return list.deallocate() }
        list.retire()
        list.next = first
        first = list
        count += 1
    }

    /// For who wants to change a list that it was given.
    ///
    /// - Returns: the list, or if others have it too, a copy in its stead.
    public func own(_ list: HeaderList) -> HeaderList {
        guard list.isShared else { return list }
        let copy = take()
        copy.copy(list)
        recount(copy)
        give(list)
        return copy
    }

    /// For who needs only a little of a list that it was given.
    ///
    /// - Parameter fields: what is needed, and how many bytes of each value.
    /// - Returns: a list with just that in its stead.
    public func excerpt(_ list: HeaderList, of fields: [(name: FieldName, most: Int)]) -> HeaderList {
        let excerpt = take()
        for field in fields { excerpt.append(field.name, of: list, most: field.most) }
        recount(excerpt)
        give(list)
        return excerpt
    }
}

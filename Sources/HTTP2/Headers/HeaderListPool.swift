/// A pool of reusable header lists. Confined to one thread.
public final class HeaderListPool {
    private var first: HeaderList?
    private var count = 0
    /// Bytes of memory of the lists in use. Known lists that are expected again don't count: they are small, a few for
    /// each connection, and belong to the connection.
    public private(set) var bytesInUse = 0

    /// Number of lists that a busy worker's calls have in use at a time; none are kept if a sanitizer is to see every
    /// list's end (scripts/sanitize.sh).
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

    /// - Returns: an empty list without other holders.
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

    /// Updates the count of a list's memory. To be called if the list may have grown since it was taken.
    public func recount(_ list: HeaderList) {
        let bytes = list.isKnown ? 0 : list.allocatedBytes
        bytesInUse += bytes - list.countedBytes
        list.countedBytes = bytes
    }

    /// Takes a list back from one of its holders.
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

    /// Makes a list safe to change for a holder.
    ///
    /// - Returns: the list itself, or a copy in its place if it has other holders.
    public func own(_ list: HeaderList) -> HeaderList {
        guard list.isShared else { return list }
        let copy = take()
        copy.copy(list)
        recount(copy)
        give(list)
        return copy
    }

    /// Takes a field out of a list, wherever it occurs.
    ///
    /// - Returns: the list itself if it has no such field; otherwise the holder's own, as `own(_:)`.
    public func removing(_ name: FieldName, from list: HeaderList) -> HeaderList {
        guard list.has(name) else { return list }
        let own = own(list)
        own.removeAll(of: name)
        return own
    }

    /// Replaces a list by the few fields that a holder still needs.
    ///
    /// - Parameter fields: the names of the fields, and the most bytes of each value.
    /// - Returns: a list with only those fields, in place of the given one.
    public func excerpt(_ list: HeaderList, of fields: [(name: FieldName, most: Int)]) -> HeaderList {
        let excerpt = take()
        for field in fields { excerpt.append(field.name, of: list, most: field.most) }
        recount(excerpt)
        give(list)
        return excerpt
    }
}

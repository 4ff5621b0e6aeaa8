/// The header blocks of HEADERS frames that are queued in libnghttp2, which sends most of them in the order in which they
/// were submitted: only trailers overtake requests.
struct HeaderQueue {
    private struct Entry {
        var stream: StreamID
        var block: HeaderBlock
    }

    private var entries: [Entry] = []
    /// Entries in front of this one have been taken.
    private var first = 0

    var isEmpty: Bool { first == entries.count }

    mutating func append(_ block: HeaderBlock, on stream: StreamID) {
        entries.append(Entry(stream: stream, block: block))
    }

    /// Takes the block that was queued first of those that a stream has.
    mutating func take(on stream: StreamID) -> HeaderBlock? {
        var index = first
        while index < entries.count, entries[index].stream != stream { index += 1 }
        guard index < entries.count else { return nil }
        let block = entries[index].block
        if index == first {
            first += 1
        } else {
            entries.remove(at: index)
        }
        if isEmpty { removeTaken() }
        return block
    }

    /// Takes whatever is left.
    mutating func takeAny() -> HeaderBlock? {
        isEmpty ? nil : take(on: entries[first].stream)
    }

    private mutating func removeTaken() {
        entries.removeAll(keepingCapacity: true)
        first = 0
    }
}

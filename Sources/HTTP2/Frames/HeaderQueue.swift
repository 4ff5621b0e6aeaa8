/// The header blocks of HEADERS frames that are queued in libnghttp2, which sends most of them in the order in which they
/// were submitted: only trailers overtake requests.
package struct HeaderQueue {
    private struct Entry {
        var stream: StreamID
        var block: HeaderBlock
    }

    private var entries: [Entry] = []
    /// Entries in front of this one have been taken.
    private var first = 0

    package init() {}

    package var isEmpty: Bool { first == entries.count }

    /// How many blocks are held, those taken lately among them.
    package var entryCount: Int { entries.count }

    package mutating func append(_ block: HeaderBlock, on stream: StreamID) {
        // A queue that is never empty would keep what was taken for ever.
        if first >= 32, 2 * first >= entries.count {
            entries.removeFirst(first)
            first = 0
        }
        entries.append(Entry(stream: stream, block: block))
    }

    /// Takes the block that was queued first of those that a stream has.
    package mutating func take(on stream: StreamID) -> HeaderBlock? {
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
    package mutating func takeAny() -> HeaderBlock? {
        isEmpty ? nil : take(on: entries[first].stream)
    }

    private mutating func removeTaken() {
        entries.removeAll(keepingCapacity: true)
        first = 0
    }
}

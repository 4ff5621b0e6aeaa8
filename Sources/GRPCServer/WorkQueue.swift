/// Work that waits for a thread, by its owner: owners have their turns one after the other, and none takes more room than it
/// leaves. Pure.
///
/// Source: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet Switches", IEEE/ACM Transactions on
/// Networking 6(2), 1998: whoever may use as much as is still free can take half of everything alone, and what is left is
/// always there for others.
package struct WorkQueue<Owner: Hashable & Sendable, Work: Sendable>: Sendable {
    private struct Item {
        let work: Work
        let bytes: Int
    }

    private struct Line {
        /// The items not taken yet are those from `first` on.
        var items: [Item] = []
        var first = 0
        var bytes = 0

        var count: Int { items.count - first }
    }

    /// Pieces of work, and bytes that they hold, for which there is room.
    private let capacity: Int
    private let byteCapacity: Int
    private var lines: [Owner: Line] = [:]
    /// The owners whose work waits, in the order of their turns; those before `nextTurn` have had theirs.
    private var turns: [Owner] = []
    private var nextTurn = 0
    package private(set) var count = 0
    package private(set) var bytes = 0

    package init(capacity: Int, byteCapacity: Int) {
        self.capacity = capacity
        self.byteCapacity = byteCapacity
    }

    /// Puts work behind its owner's other work.
    ///
    /// - Parameter bytes: memory that the work holds until it is done.
    /// - Returns: whether there is room for it.
    package mutating func append(_ work: Work, of owner: Owner, bytes: Int) -> Bool {
        var line = lines[owner] ?? Line()
        guard line.count < capacity - count, line.bytes + bytes <= byteCapacity - self.bytes else { return false }
        if line.count == 0 { turns.append(owner) }
        line.items.append(Item(work: work, bytes: bytes))
        line.bytes += bytes
        lines[owner] = line
        count += 1
        self.bytes += bytes
        return true
    }

    /// Takes the work whose turn it is; `nil` if none waits.
    package mutating func next() -> Work? {
        guard nextTurn < turns.count else { return nil }
        let owner = turns[nextTurn]
        nextTurn += 1
        guard var line = lines.removeValue(forKey: owner) else { preconditionFailure("whoever has a turn has a line") }
        let item = line.items[line.first]
        line.first += 1
        line.bytes -= item.bytes
        count -= 1
        bytes -= item.bytes
        if line.count > 0 {
            // What was taken goes once it is the greater part: each item is moved once on the average.
            if line.first > line.items.count / 2 {
                line.items.removeFirst(line.first)
                line.first = 0
            }
            lines[owner] = line
            turns.append(owner)
        }
        if nextTurn > turns.count / 2 {
            turns.removeFirst(nextTurn)
            nextTurn = 0
        }
        return item.work
    }

    package mutating func removeAll() { self = WorkQueue(capacity: capacity, byteCapacity: byteCapacity) }
}

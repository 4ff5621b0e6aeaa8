/// Identifies a timer until it has fired or been cancelled.
package struct TimerID: Hashable, Sendable {
    fileprivate var number: UInt64
}

/// Actions with their deadlines: a binary heap without a clock of its own.
///
/// A cancelled timer leaves the table at once and the heap when its deadline comes up. Confined to one thread.
package struct TimerQueue {
    private struct Entry {
        var deadline: MonotonicTime
        /// Counts up, so that timers with the same deadline fire in the order in which they were made.
        var number: UInt64

        func fires(before other: Entry) -> Bool {
            deadline == other.deadline ? number < other.number : deadline < other.deadline
        }
    }

    private var heap: [Entry] = []
    private var actions: [UInt64: () -> Void] = [:]
    private var lastNumber: UInt64 = 0

    package init() {}

    /// Number of timers that will still fire.
    package var count: Int { actions.count }

    /// Adds an action that is due at `deadline`.
    package mutating func add(at deadline: MonotonicTime, _ action: @escaping () -> Void) -> TimerID {
        lastNumber += 1
        actions[lastNumber] = action
        heap.append(Entry(deadline: deadline, number: lastNumber))
        siftUp(heap.count - 1)
        return TimerID(number: lastNumber)
    }

    /// Cancels a timer; nothing happens if it has already fired or been cancelled.
    package mutating func cancel(_ timer: TimerID) {
        actions[timer.number] = nil
    }

    /// The earliest deadline of a timer that hasn't been cancelled.
    package mutating func nextDeadline() -> MonotonicTime? {
        while let first = heap.first {
            // The first check holds if nothing in the heap was cancelled, as is usual; this runs in each turn.
            if heap.count == actions.count || actions[first.number] != nil { return first.deadline }
            removeFirst()
        }
        return nil
    }

    /// Takes out the action of the earliest timer that is due; `nil` if none is.
    ///
    /// Only one at a time, because an action may add and cancel others.
    package mutating func popDue(at now: MonotonicTime) -> (() -> Void)? {
        guard let deadline = nextDeadline(), deadline <= now, let first = heap.first else { return nil }
        removeFirst()
        return actions.removeValue(forKey: first.number)
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        siftDown(0)
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].fires(before: heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var first = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].fires(before: heap[first]) { first = child }
            }
            guard first != parent else { return }
            heap.swapAt(parent, first)
            parent = first
        }
    }
}

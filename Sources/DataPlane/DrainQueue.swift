import EventLoop

/// The elements that a drain is going to end, each at a moment of its own, so that they don't all come back at the same
/// instant.
///
/// The window is cut into as many parts as there are elements. Each element, in an order drawn by lot, gets a random
/// moment within its part. Confined to one thread.
package struct DrainQueue<Element> {
    /// The queued elements, the next one to end at the back.
    private var entries: [(deadline: MonotonicTime, element: Element)] = []

    /// Makes an empty queue.
    package init() {}

    /// - Parameter spread: time after `now` within which the last element ends; not negative.
    package init(
        _ elements: [Element], over spread: Duration, from now: MonotonicTime,
        using random: inout some RandomNumberGenerator
    ) {
        let part = Double(spread.clampedNanoseconds) / Double(max(1, elements.count))
        entries = elements.shuffled(using: &random).enumerated().map { index, element in
            let offset = part * (Double(index) + Double.random(in: 0..<1, using: &random))
            return (now + .nanoseconds(Int64(offset)), element)
        }
        entries.reverse()
    }

    /// The time at which the next element is due; `nil` if none is left.
    package var nextDeadline: MonotonicTime? { entries.last?.deadline }

    /// Takes out the next element that is due; `nil` if none is.
    package mutating func popDue(at now: MonotonicTime) -> Element? {
        guard let last = entries.last, last.deadline <= now else { return nil }
        return entries.removeLast().element
    }
}

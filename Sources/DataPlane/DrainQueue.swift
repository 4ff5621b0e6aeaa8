import EventLoop

/// What a drain is going to end, each at a moment of its own, so that not all of it comes back at the same instant.
///
/// The window is cut into as many parts as there are elements. Each element, in an order that is drawn by lot, gets a
/// moment at random within its part. Confined to one thread.
package struct DrainQueue<Element> {
    /// The last one first.
    private var entries: [(deadline: MonotonicTime, element: Element)] = []

    /// Nothing to end.
    package init() {}

    /// - Parameter spread: how long after `now` the last one ends at the latest; not negative.
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

    /// When the next one is due; `nil` where none is left.
    package var nextDeadline: MonotonicTime? { entries.last?.deadline }

    /// Takes out the next one that is due, or nothing where none is.
    package mutating func popDue(at now: MonotonicTime) -> Element? {
        guard let last = entries.last, last.deadline <= now else { return nil }
        return entries.removeLast().element
    }
}

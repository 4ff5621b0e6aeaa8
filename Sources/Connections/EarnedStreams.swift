/// The number of streams that a connection may have at a time while its peer has little left of its budget for resets:
/// any of them may be abandoned by closing the connection, which costs nothing but another one.
///
/// It begins with as many streams as there are resets left, at least one, and each call that ends well earns another.
/// So a well-meaning client has all of its streams after a few round trips, whatever others at its address have done.
package struct EarnedStreams {
    private let full: Int
    private let capacity: Int
    /// The limit that the client has been told.
    package private(set) var announced: Int

    /// - Parameters:
    ///   - left: resets that the peer has left.
    ///   - full: streams that a connection has otherwise.
    ///   - capacity: the most resets that any peer can have left: a peer with all of them has all streams.
    /// - Returns: `nil` if the peer may have all streams.
    package init?(left: Int, full: Int, capacity: Int) {
        guard left < min(full, capacity) else { return nil }
        self.full = full
        self.capacity = capacity
        announced = min(full, max(1, left))
    }

    /// Whether the connection may have all of its streams.
    package var isFull: Bool { announced == full }

    /// Takes a change of the budget.
    ///
    /// - Parameter left: resets that the connection has left.
    /// - Returns: the limit to tell the client, if that is worth a frame: twice as many streams, or all; otherwise
    ///   `nil`.
    package mutating func update(left: Int) -> Int? {
        let earned = left >= capacity ? full : min(full, left)
        guard earned >= min(full, 2 * announced), earned > announced else { return nil }
        announced = earned
        return earned
    }
}

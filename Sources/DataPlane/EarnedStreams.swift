/// How many streams a connection may have at a time, where its peer has little left of its budget for resets: any of them
/// may be abandoned by closing the connection, which costs nothing but another one.
///
/// It begins with as many streams as resets are left, at least one, and each call that ends well earns it another. So a
/// client that means well has all of its streams after a few round trips, whatever others at its address have done.
package struct EarnedStreams {
    private let full: Int
    private let capacity: Int
    /// What the client has been told.
    package private(set) var announced: Int

    /// - Parameters:
    ///   - left: resets that the peer has left.
    ///   - full: streams that a connection has otherwise.
    ///   - capacity: the most resets that anybody has left: whoever has all of them has all streams.
    /// - Returns: `nil` where all of them may be had.
    package init?(left: Int, full: Int, capacity: Int) {
        guard left < min(full, capacity) else { return nil }
        self.full = full
        self.capacity = capacity
        announced = min(full, max(1, left))
    }

    package var isFull: Bool { announced == full }

    /// The budget has changed.
    ///
    /// - Parameter left: resets that the connection has left.
    /// - Returns: how many streams the client is to be told of, where that is worth a frame: twice as many, or all.
    package mutating func update(left: Int) -> Int? {
        let earned = left >= capacity ? full : min(full, left)
        guard earned >= min(full, 2 * announced), earned > announced else { return nil }
        announced = earned
        return earned
    }
}

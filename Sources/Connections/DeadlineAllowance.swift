import EventLoop

/// Number of calls that a connection may give up because their time is over: ordinary deadlines are not an attack, as
/// the client has waited as long as it said it would.
package struct DeadlineAllowance {
    private let perSecond: Int
    private var second: MonotonicTime
    private var used = 0

    /// Slack for the difference between the two clocks, and for the client's rounding: gRPC's core sends whole
    /// milliseconds at first and whole tenths of a second later, and resets by its own clock, which started a little
    /// earlier.
    private static let roundingPart: UInt64 = 10
    private static let mostRounding: UInt64 = 1_000_000_000
    private static let jitter: UInt64 = 5_000_000

    package init(perSecond: Int, now: MonotonicTime) {
        self.perSecond = perSecond
        second = now
    }

    /// Whether a call that is given up now has had the time that it asked for.
    ///
    /// - Parameters:
    ///   - began: when the call arrived.
    ///   - deadline: the call's own deadline, without the Proxy's grace.
    package static func isOver(_ deadline: MonotonicTime, began: MonotonicTime, now: MonotonicTime) -> Bool {
        let slack = min(deadline.nanosecondsSince(began) / roundingPart, mostRounding) + jitter
        return deadline.nanosecondsSince(now) <= slack
    }

    /// Counts such a call that was given up.
    ///
    /// - Returns: whether giving it up costs nothing.
    package mutating func forgives(now: MonotonicTime) -> Bool {
        if now >= second + .seconds(1) { (second, used) = (now, 0) }
        guard used < perSecond else { return false }
        used += 1
        return true
    }
}

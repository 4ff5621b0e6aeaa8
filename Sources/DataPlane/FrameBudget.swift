import EventLoop

/// How many frames that move nothing a connection may send.
///
/// Honest peers send WINDOW_UPDATE, PING and SETTINGS in proportion to the DATA that flows either way, so each frame that
/// moves something earns credit; what is sent beyond that only costs work. Confined to one thread.
package struct FrameBudget {
    /// Frames that a connection may send before it has earned any, and the most that it can save up.
    private let capacity: Int
    private var tokens: Int
    private var lastRefill: MonotonicTime

    /// What each frame that moves something earns.
    private static let earnedByUsefulFrame = 4
    /// Tokens that a second brings, whatever happens.
    private static let earnedBySecond: UInt64 = 10

    package init(capacity: Int, now: MonotonicTime) {
        self.capacity = capacity
        tokens = capacity
        lastRefill = now
    }

    /// HEADERS that belong to a call, or DATA that isn't empty, went either way.
    package mutating func moved() {
        tokens = min(capacity, tokens + Self.earnedByUsefulFrame)
    }

    /// Any other frame has come in.
    ///
    /// - Returns: whether the connection may go on.
    package mutating func received(now: MonotonicTime) -> Bool {
        if tokens == 0 {
            let earned = now.nanosecondsSince(lastRefill) / (1_000_000_000 / Self.earnedBySecond)
            guard earned > 0 else { return false }
            tokens = min(capacity, Int(clamping: earned))
            lastRefill = now
        }
        tokens -= 1
        return true
    }
}

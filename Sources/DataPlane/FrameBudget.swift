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
    /// Of header lists, since the last token for them.
    private var skippedBytes = 0

    /// What each frame that moves something earns.
    private static let earnedByUsefulFrame = 4
    /// Tokens that a second brings, whatever happens.
    private static let earnedBySecond: UInt64 = 10
    /// What of a header list beyond its limits costs as much as a frame, and what a field of it counts for, however few
    /// bytes stand for it: either takes about as long as the frame's read.
    private static let bytesPerToken = 4096
    private static let bytesPerField = 16

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
    package mutating func received(now: MonotonicTime) -> Bool { spend(1, now) }

    /// So much of a header list that is beyond its limits has come in: bytes of its block, and fields.
    ///
    /// - Returns: whether the connection may go on.
    package mutating func skipped(bytes: Int, fields: Int, now: MonotonicTime) -> Bool {
        let (tokens, rest) = (skippedBytes + bytes + Self.bytesPerField * fields)
            .quotientAndRemainder(dividingBy: Self.bytesPerToken)
        skippedBytes = rest
        return spend(tokens, now)
    }

    private mutating func spend(_ count: Int, _ now: MonotonicTime) -> Bool {
        if tokens < count {
            let earned = now.nanosecondsSince(lastRefill) / (1_000_000_000 / Self.earnedBySecond)
            guard earned > 0 else { return false }
            tokens = min(capacity, tokens + Int(clamping: min(earned, UInt64(capacity))))
            lastRefill = now
        }
        guard tokens >= count else { return false }
        tokens -= count
        return true
    }
}

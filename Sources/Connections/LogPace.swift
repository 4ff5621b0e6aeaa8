import EventLoop

/// The pace at which lines of a kind go to the log: a few at once, then one a second, with a count of those left out.
///
/// Without it, anybody able to cause a line could fill a disk. It is for lines about calls and upstreams, which are
/// paced all together as no one peer is to blame; lines about a peer have `LogLimiter`. Pure; confined to one thread.
package struct LogPace {
    private static let burst = 20
    private static let refill: UInt64 = 1_000_000_000

    private var tokens = burst
    private var lastRefill: MonotonicTime?
    private var leftOut = 0

    package init() {}

    /// Takes a token for a line.
    ///
    /// - Returns: how many lines were left out before it; `nil` if it is left out too.
    package mutating func take(now: MonotonicTime) -> Int? {
        let since = lastRefill ?? now
        let earned = now.nanosecondsSince(since) / Self.refill
        if earned > 0 || lastRefill == nil {
            tokens = min(Self.burst, tokens + Int(clamping: min(earned, UInt64(Self.burst))))
            lastRefill = earned > 0 ? now : since
        }
        guard tokens > 0 else {
            leftOut += 1
            return nil
        }
        tokens -= 1
        defer { leftOut = 0 }
        return leftOut
    }
}

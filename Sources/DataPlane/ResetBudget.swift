import EventLoop

/// How many streams of a connection may end uncleanly.
///
/// A stream that is reset costs its peer a few bytes and us a whole call. Each unclean end takes one token, whoever sent
/// the RST_STREAM (Rapid Reset, CVE-2023-44487; MadeYouReset, CVE-2025-8671); each clean end brings one back, and so does
/// time, for clients that hit their own deadlines.
package struct ResetBudget {
    private let capacity: Int
    private let refill: Duration
    private var tokens: Int
    private var lastRefill: MonotonicTime

    /// - Parameters:
    ///   - capacity: unclean ends in a row that are forgiven.
    ///   - refill: the time that brings one token back.
    package init(capacity: Int, refill: Duration, now: MonotonicTime) {
        self.capacity = capacity
        self.refill = refill
        tokens = capacity
        lastRefill = now
    }

    /// A stream has ended as it should.
    package mutating func endedCleanly() {
        if tokens < capacity { tokens += 1 }
    }

    /// A stream was reset.
    ///
    /// - Returns: whether the connection may go on.
    package mutating func endedUncleanly(now: MonotonicTime) -> Bool {
        let earned = now.nanosecondsSince(lastRefill) / max(1, refill.clampedNanoseconds)
        if earned > 0 {
            tokens = Int(clamping: min(UInt64(capacity), UInt64(tokens).addingReportingOverflow(earned).partialValue))
            lastRefill = now
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}

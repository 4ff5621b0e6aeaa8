import EventLoop

/// A limit on the streams of a connection, or of all connections of a peer, that may end uncleanly.
///
/// A stream that is reset costs its peer a few bytes and us a whole call. Each unclean end takes one token, whoever
/// sent the RST_STREAM (Rapid Reset, CVE-2023-44487; MadeYouReset, CVE-2025-8671); each clean end brings one back, and
/// so does time, for clients that give up what they have asked for.
package struct ResetBudget {
    /// Number of unclean ends in a row that are forgiven.
    package let capacity: Int
    /// Time that brings one token back.
    package let refill: Duration
    private var tokens: Int
    private var lastRefill: MonotonicTime

    /// - Parameters:
    ///   - capacity: unclean ends in a row that are forgiven.
    ///   - refill: the time that brings one token back.
    /// - left: tokens to begin with, if fewer than the capacity.
    package init(capacity: Int, refill: Duration, now: MonotonicTime, left: Int = .max) {
        self.capacity = capacity
        self.refill = refill
        tokens = min(capacity, max(0, left))
        lastRefill = now
    }

    /// Earns a token for a stream that has ended cleanly.
    package mutating func endedCleanly() {
        if tokens < capacity { tokens += 1 }
    }

    /// Charges for a stream that was reset.
    ///
    /// - Returns: whether the connection may go on.
    @discardableResult
    package mutating func endedUncleanly(now: MonotonicTime) -> Bool {
        earn(now)
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }

    /// The number of further unclean ends that are forgiven.
    package mutating func left(now: MonotonicTime) -> Int {
        earn(now)
        return tokens
    }

    private mutating func earn(_ now: MonotonicTime) {
        let earned = now.nanosecondsSince(lastRefill) / max(1, refill.clampedNanoseconds)
        guard earned > 0 else { return }
        tokens = Int(clamping: min(UInt64(capacity), UInt64(tokens).addingReportingOverflow(earned).partialValue))
        lastRefill = now
    }
}

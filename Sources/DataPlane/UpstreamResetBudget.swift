import EventLoop

/// A limit on RST_STREAM frames sent to one upstream connection within a window of time.
///
/// Servers close a connection on which too many streams are reset (200 in 30 s for swift-nio-http2 and Netty;
/// CVE-2023-44487), and with it the calls of all clients that share it. So each connection has a budget of its own:
/// when half of it is used, another connection is to take its place, and the other half is for the calls that it still
/// has. Resets beyond the budget wait until there is room again. Pure; confined to one thread.
package struct UpstreamResetBudget {
    /// Number of parts that the window is cut into. The resets of one part are forgotten together: up to a part later
    /// than possible, never earlier.
    private static let parts = 30

    private let limit: Int
    private let part: UInt64
    /// Resets sent in each of the latest parts; allocated with the first one.
    private var sent: [Int32] = []
    private var total = 0
    /// The latest part in `sent`, counted from the beginning of the clock.
    private var latest: UInt64 = 0

    /// - Parameters:
    ///   - limit: number of resets that may be sent, 1 or more.
    ///   - window: the time that the limit applies to.
    package init(limit: Int, window: Duration) {
        self.limit = limit
        part = max(1, (window.clampedNanoseconds + UInt64(Self.parts) - 1) / UInt64(Self.parts))
    }

    /// Counts a reset that is sent.
    package mutating func record(now: MonotonicTime) {
        move(to: now)
        if sent.isEmpty { sent = [Int32](repeating: 0, count: Self.parts + 1) }
        sent[Int(latest % UInt64(sent.count))] += 1
        total += 1
    }

    /// Whether one more reset may be sent.
    package mutating func allows(now: MonotonicTime) -> Bool {
        move(to: now)
        return total < limit
    }

    /// Whether another connection should take this one's place.
    package mutating func isHalfUsed(now: MonotonicTime) -> Bool {
        move(to: now)
        return 2 * total >= limit
    }

    /// Whether all resets are forgotten.
    package mutating func isUnused(now: MonotonicTime) -> Bool {
        move(to: now)
        return total == 0
    }

    /// Forgets the resets that are no longer within the window.
    private mutating func move(to now: MonotonicTime) {
        let current = now.nanoseconds / part
        defer { latest = max(latest, current) }
        guard total > 0, current > latest else { return }
        let passed = min(current - latest, UInt64(sent.count))
        for step in 1...passed {
            let index = Int((latest + step) % UInt64(sent.count))
            total -= Int(sent[index])
            sent[index] = 0
        }
    }
}

import EventLoop

/// How many RST_STREAM one upstream connection is sent within a while.
///
/// Servers close a connection on which too many streams are reset (200 in 30 s for swift-nio-http2 and Netty; CVE-2023-44487),
/// and with it the calls of all clients that share it. So a connection is given a budget of its own: when half of it is
/// used, another connection is to take its place, and the other half is for the calls that it still has. What goes beyond
/// the budget isn't sent until there is room again. Pure; confined to one thread.
package struct UpstreamResetBudget {
    /// The while is cut into as many parts, and what was sent in one is forgotten together: up to a part later than it
    /// could be, never earlier.
    private static let parts = 30

    private let limit: Int
    private let part: UInt64
    /// What was sent in each of the latest parts; made with the first one.
    private var sent: [Int32] = []
    private var total = 0
    /// The part, counted since the beginning of the clock, that `sent` knows last.
    private var latest: UInt64 = 0

    /// - Parameters:
    ///   - limit: how many may be sent, 1 or more.
    ///   - window: within which time.
    package init(limit: Int, window: Duration) {
        self.limit = limit
        part = max(1, (window.clampedNanoseconds + UInt64(Self.parts) - 1) / UInt64(Self.parts))
    }

    /// One is sent.
    package mutating func record(now: MonotonicTime) {
        move(to: now)
        if sent.isEmpty { sent = [Int32](repeating: 0, count: Self.parts + 1) }
        sent[Int(latest % UInt64(sent.count))] += 1
        total += 1
    }

    /// Whether one more may be sent.
    package mutating func allows(now: MonotonicTime) -> Bool {
        move(to: now)
        return total < limit
    }

    /// Whether another connection should take this one's place.
    package mutating func isHalfUsed(now: MonotonicTime) -> Bool {
        move(to: now)
        return 2 * total >= limit
    }

    /// Whether all that was sent is forgotten.
    package mutating func isUnused(now: MonotonicTime) -> Bool {
        move(to: now)
        return total == 0
    }

    /// Forgets what is no longer within the window.
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

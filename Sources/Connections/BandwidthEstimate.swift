import EventLoop

/// Estimate of the bytes that a peer can have under way to this side: its bandwidth times the round-trip time.
///
/// The round trip is measured by a PING sent while DATA come in, the bandwidth by what comes in during each round trip.
/// As a window that is too narrow itself limits what comes in, the estimate is twice what was seen: a sender that can
/// fill it doubles it with each round trip, as with TCP's receivers (Fisk and Feng, "Dynamic right-sizing in TCP",
/// 2001). Confined to one thread.
package struct BandwidthEstimate {
    /// A window that a single stream from this peer can make use of, in bytes; 0 before anything was measured.
    package private(set) var window = 0
    private let most: Int

    /// Shortest round trip seen, in nanoseconds; 0 before the first PING is answered.
    private var roundTrip: UInt64 = 0
    /// Time at which the PING now under way was sent.
    private var asked: MonotonicTime?
    /// Time at which the last PING was sent.
    private var lastAsked: MonotonicTime?

    /// Start of the current measurement, and the bytes that have come in since.
    private var began = MonotonicTime(nanoseconds: 0)
    private var bytes = 0

    /// Least time between two PINGs, since a path seldom changes.
    private static let pause = Duration.seconds(10)

    /// - Parameter most: upper bound of `window`, in bytes.
    package init(most: Int) {
        self.most = most
    }

    /// Starts a measurement for a stream that could use more than `window`. Call it only when DATA have come in since
    /// the last PING: peers count PINGs sent without reason (gRFC A8).
    ///
    /// - Returns: whether a PING is to be sent, whose answer goes to `answered(now:)`.
    package mutating func begin(now: MonotonicTime) -> Bool {
        guard asked == nil, window < most else { return false }
        if let lastAsked, now < lastAsked + Self.pause { return false }
        (asked, lastAsked) = (now, now)
        return true
    }

    /// Takes the answer to the PING.
    package mutating func answered(now: MonotonicTime) {
        guard let asked else { return }
        self.asked = nil
        let time = max(1, now.nanosecondsSince(asked))
        roundTrip = roundTrip == 0 ? time : min(roundTrip, time)
        (began, bytes) = (now, 0)
    }

    /// Counts DATA that have come in.
    @inline(__always)
    package mutating func received(_ count: Int, now: MonotonicTime) {
        guard roundTrip > 0 else { return }
        add(count, now)
    }

    private mutating func add(_ count: Int, _ now: MonotonicTime) {
        let time = now.nanosecondsSince(began)
        if time >= roundTrip {
            // If nothing came in for a while, a round trip brought less than that.
            let seen = Int(Double(bytes) * Double(roundTrip) / Double(time))
            window = min(most, max(window, 2 * seen))
            (began, bytes) = (now, 0)
        }
        bytes += count
    }
}

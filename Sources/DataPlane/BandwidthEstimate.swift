import EventLoop

/// How many bytes a peer can have under way to this side: its bandwidth times the time of a round trip.
///
/// The round trip is taken from a PING, sent while DATA come in; the bandwidth from what comes in during each round trip.
/// As a window that is too narrow is itself what limits that, the estimate is twice what was seen: a sender that can fill
/// it doubles it with each round trip, as TCP's receivers do (Fisk and Feng, "Dynamic right-sizing in TCP", 2001). Confined
/// to one thread.
package struct BandwidthEstimate {
    /// A window that a single stream from this peer can make use of, in bytes; 0 before anything was measured.
    package private(set) var window = 0
    private let most: Int

    /// Nanoseconds, the least that was seen; 0 before the first PING is answered.
    private var roundTrip: UInt64 = 0
    /// When the PING was sent that is under way.
    private var asked: MonotonicTime?
    /// When the last one was sent.
    private var lastAsked: MonotonicTime?

    /// What has come in since then.
    private var began = MonotonicTime(nanoseconds: 0)
    private var bytes = 0

    /// Between two PINGs: a path seldom changes.
    private static let pause = Duration.seconds(10)

    /// - Parameter most: what `window` may become.
    package init(most: Int) {
        self.most = most
    }

    /// A stream could use more than `window`. DATA have come in since the last PING: peers count those that come without
    /// reason (gRFC A8).
    ///
    /// - Returns: whether a PING is to be sent, whose answer goes to `answered(now:)`.
    package mutating func begin(now: MonotonicTime) -> Bool {
        guard asked == nil, window < most else { return false }
        if let lastAsked, now < lastAsked + Self.pause { return false }
        (asked, lastAsked) = (now, now)
        return true
    }

    /// The PING is answered.
    package mutating func answered(now: MonotonicTime) {
        guard let asked else { return }
        self.asked = nil
        let time = max(1, now.nanosecondsSince(asked))
        roundTrip = roundTrip == 0 ? time : min(roundTrip, time)
        (began, bytes) = (now, 0)
    }

    /// DATA have come in.
    @inline(__always)
    package mutating func received(_ count: Int, now: MonotonicTime) {
        guard roundTrip > 0 else { return }
        add(count, now)
    }

    private mutating func add(_ count: Int, _ now: MonotonicTime) {
        let time = now.nanosecondsSince(began)
        if time >= roundTrip {
            // Where nothing came for a while, less than that came in a round trip.
            let seen = Int(Double(bytes) * Double(roundTrip) / Double(time))
            window = min(most, max(window, 2 * seen))
            (began, bytes) = (now, 0)
        }
        bytes += count
    }
}

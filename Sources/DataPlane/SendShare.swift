import EventLoop

/// Who may use an upstream connection's window: a stream whose handler reads nothing must leave some of it to the others.
///
/// An upstream that gives credit only as its handlers read has every unread byte count against all streams. So while
/// others have something to send, too, a stream may have half of the connection's window unread and no more. It can't be
/// less: peers give credit for a connection once half of its window has been read (libnghttp2, h2, Netty), and with less
/// under way a stream would wait for credit that never comes. And a connection that has next to nothing left is full: new
/// calls go over another one. Time comes in as a parameter; confined to the connection's thread.
package struct SendShare {
    /// Below this many bytes a connection is full at once.
    package static let exhausted = 1024
    /// A connection with less than this left is full if that lasts: it may only be busy.
    package static let scarce = 16 * 1024
    package static let patience = Duration.milliseconds(10)

    /// The connection's window when nothing of it is used, as far as is known.
    private var whole = 0
    /// Since when the window has been scarce.
    private var scarceSince: MonotonicTime?

    package init() {}

    /// Takes note of how much of the connection's window is left, whenever it may have grown.
    package mutating func saw(left: Int) { whole = max(whole, left) }

    /// Whether credit for a stream comes often enough to tell what of it is unread: peers give it once half of the stream's
    /// window has been read, which is never before the connection's is used up where the stream's is larger.
    ///
    /// - Parameter streamWindow: with which the peer has streams begin.
    package func canTell(streamWindow: Int) -> Bool { streamWindow <= whole }

    /// How much a stream may send now, while others have something to send, too.
    ///
    /// - Parameters:
    ///   - asked: bytes that its own and the connection's window allow.
    ///   - unread: bytes of the stream that it has no credit for yet.
    /// - Returns: at most `asked`; 0 where the stream has to wait for credit.
    package func share(asked: Int, unread: Int) -> Int { min(asked, max(0, (whole + 1) / 2 - unread)) }

    /// Whether the connection has no room for a further call with a body.
    ///
    /// - Parameter left: bytes of the connection's window.
    package mutating func isFull(left: Int, now: MonotonicTime) -> Bool {
        saw(left: left)
        // A window that is small by itself is as full as it gets while a quarter is left.
        guard left < min(Self.scarce, whole / 4) else {
            scarceSince = nil
            return false
        }
        if left < Self.exhausted { return true }
        guard let scarceSince else {
            self.scarceSince = now
            return false
        }
        return now > scarceSince + Self.patience
    }
}

import Connections
import EventLoop

/// Decides which streams may use an upstream connection's window: a stream whose handler reads nothing must leave some
/// of it to the others.
///
/// With an upstream that gives credit only as its handlers read, every unread byte counts against all streams. So while
/// others have something to send too, a stream may have half of the connection's window unread and no more. It can't be
/// less: peers give credit for a connection once half of its window has been read (libnghttp2, h2, Netty), and with
/// less under way a stream would wait for credit that never comes. A connection that has next to nothing left is full:
/// new calls go over another one. Time comes in as a parameter; confined to the connection's thread.
package struct SendShare {
    /// Bytes of the connection's window below which a connection is full at once.
    package static let exhausted = 1024
    /// Bytes of the connection's window below which a connection is full if that lasts: until then it may only be busy.
    package static let scarce = 16 * 1024
    /// Time for which a window must be scarce to count as full.
    package static let patience = Duration.milliseconds(10)

    /// Bytes of the connection's window when none of it is used, as far as is known.
    private var whole = 0
    /// Time since which the window has been scarce.
    private var scarceSince: MonotonicTime?

    package init() {}

    /// Notes the bytes left of the connection's window, whenever it may have grown.
    package mutating func saw(left: Int) { whole = max(whole, left) }

    /// Whether credit for a stream comes often enough to tell how much of it is unread. Peers give it once half of the
    /// stream's window has been read; if that window is larger than the connection's, this never happens before the
    /// connection's is used up.
    ///
    /// - Parameter streamWindow: the window that the peer's streams begin with, in bytes.
    package func canTell(streamWindow: Int) -> Bool { streamWindow <= whole }

    /// The bytes that a stream may send now, while others have something to send too.
    ///
    /// - Parameters:
    ///   - asked: bytes that its own and the connection's window allow.
    ///   - unread: bytes of the stream that have no credit yet.
    /// - Returns: at most `asked`; 0 if the stream has to wait for credit.
    package func share(asked: Int, unread: Int) -> Int { min(asked, max(0, (whole + 1) / 2 - unread)) }

    /// Whether the connection has no room for another call with a body.
    ///
    /// - Parameter left: bytes left of the connection's window.
    package mutating func isFull(left: Int, now: MonotonicTime) -> Bool {
        saw(left: left)
        // A window that is small by itself counts as scarce only below a quarter of its size.
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

import Connections
import EventLoop

/// Whether a connection still answers whose endpoint fails its health checks. A process that hangs, or a host that is
/// gone, leaves connections that look open for minutes.
///
/// The peer is asked by one PING when the checks begin to fail. Anything that comes after it is an answer. Pure; confined
/// to one thread.
package struct ProofOfLife {
    private var asked: MonotonicTime?

    /// Time that the peer has for an answer, before no new calls are given to the connection.
    package static let patience = Duration.milliseconds(500)
    /// Least time between two questions: gRPC's servers end a connection over PINGs that come more often while no data
    /// flows (gRFC A8).
    package static let leastInterval = Duration.seconds(300)

    package init() {}

    /// Records that the checks have begun to fail.
    ///
    /// - Returns: whether a PING is to be sent now.
    package mutating func isDue(now: MonotonicTime) -> Bool {
        if let asked, now < asked + Self.leastInterval { return false }
        asked = now
        return true
    }

    /// Whether the peer has been asked and owes an answer for too long.
    ///
    /// - Parameter lastReceived: time at which the peer last sent something.
    package func isMissing(lastReceived: MonotonicTime, now: MonotonicTime) -> Bool {
        asked.map { lastReceived <= $0 && now > $0 + Self.patience } ?? false
    }
}

import EventLoop

/// A socket that is full, and when its peer has last taken something. The system reports room only once a good part of its
/// buffer is free, so a peer that reads slowly shows by what it acknowledges.
package struct Blocked {
    /// The last time at which the peer is known to have taken bytes.
    private var since: MonotonicTime
    /// Bytes that it had not acknowledged then.
    private var unacknowledged: Int?

    /// - Parameter unacknowledged: bytes in the system's buffer; `nil` if it can't tell.
    package init(since: MonotonicTime, unacknowledged: Int?) {
        self.since = since
        self.unacknowledged = unacknowledged
    }

    /// - Parameter current: bytes that are not acknowledged now.
    /// - Returns: whether the peer has taken nothing for longer than `timeout`.
    package mutating func isStalled(_ current: Int?, for timeout: Duration, now: MonotonicTime) -> Bool {
        if let current, let before = unacknowledged, current < before {
            (since, unacknowledged) = (now, current)
            return false
        }
        return now > since + timeout
    }
}

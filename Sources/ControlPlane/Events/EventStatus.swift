import Ground

/// How the delivery of events is going, for `/status` and `/metrics`.
package struct EventStatus: Sendable, Equatable {
    /// Events that a receiver has accepted.
    package var delivered = 0
    /// Events that the receiver has refused for good.
    package var refused = 0
    /// Events that fell out of a full queue.
    package var fallenOut = 0
    /// Attempts without success.
    package var failedAttempts = 0
    /// Events that wait.
    package var waiting = 0
    /// When the oldest of them happened; `nil` if none waits.
    package var oldest: Timestamp?
    /// The number of the last event; 0 if there has been none.
    package var sequence: UInt64 = 0
    /// Why the last attempt has failed; `nil` if it hasn't.
    package var lastError: String?
    /// Why the queue is not on disk; `nil` if it is.
    package var fileError: String?

    package init() {}
}

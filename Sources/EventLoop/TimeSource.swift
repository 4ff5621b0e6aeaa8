/// The source of a loop's time.
package enum TimeSource {
    /// The system's monotonic clock.
    case system
    /// A clock that stands still until its owner moves it, so that tests decide when timers fire.
    case held(HeldTime)

    /// Reads the clock; the system's clock is read nowhere else.
    @inline(__always)
    package func read() -> MonotonicTime {
        switch self {
        case .system: MonotonicTime.now()
        case .held(let time): time.now
        }
    }
}

/// A clock that its owner moves. Confined to the thread of the loop that uses it.
package final class HeldTime {
    /// The clock's current time.
    package private(set) var now: MonotonicTime

    /// - Parameter now: the initial time.
    package init(_ now: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000)) {
        self.now = now
    }

    /// Moves the clock forward; a negative duration leaves it where it is.
    package func advance(by duration: Duration) {
        now = now + duration
    }
}

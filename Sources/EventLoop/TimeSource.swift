/// Where a loop's time comes from.
package enum TimeSource {
    /// The system's monotonic clock.
    case system
    /// A clock that stands still until its owner moves it: for tests, which so decide when timers fire.
    case held(HeldTime)

    /// Reads the clock: the one place where the system's is read.
    @inline(__always)
    package func read() -> MonotonicTime {
        switch self {
        case .system: MonotonicTime.now()
        case .held(let time): time.now
        }
    }
}

/// A clock in somebody's hand. Confined to the thread of the loop that goes by it.
package final class HeldTime {
    package private(set) var now: MonotonicTime

    /// - Parameter now: what it shows at first.
    package init(_ now: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000)) {
        self.now = now
    }

    /// Moves it forward; a negative duration moves it not at all.
    package func advance(by duration: Duration) {
        now = now + duration
    }
}

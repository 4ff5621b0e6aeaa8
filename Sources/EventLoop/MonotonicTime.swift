import Glibc

/// An instant of the system's monotonic clock, which only moves forward and has no relation to the time of day.
public struct MonotonicTime: Comparable, Hashable, Sendable {
    /// Nanoseconds since an arbitrary start, the same for all threads of all processes until the next boot.
    @usableFromInline package var nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Reads the clock. Any thread may call it; other code asks its loop, or a `TimeSource`.
    static func now() -> MonotonicTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    // Every call compares and subtracts times, in other modules.

    @inlinable
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Not left to `Comparable`, whose own goes through a table of functions.
    @inlinable
    public static func >= (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds >= right.nanoseconds
    }

    /// - Parameter duration: a negative one counts as zero; a result beyond the end of the clock is clamped to it.
    package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        MonotonicTime(nanoseconds: time.nanoseconds.addingClamped(duration.clampedNanoseconds))
    }

    /// The time from `earlier` to this instant; zero if `earlier` isn't earlier.
    package func since(_ earlier: MonotonicTime) -> Duration {
        .nanoseconds(Int64(clamping: nanosecondsSince(earlier)))
    }

    /// As `since(_:)`, in nanoseconds.
    @inlinable
    package func nanosecondsSince(_ earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }
}

extension Duration {
    /// Whole nanoseconds; zero for a negative duration and `UInt64.max` for one that doesn't fit.
    package var clampedNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole.addingClamped(UInt64(attoseconds / 1_000_000_000))
    }
}

extension UInt64 {
    fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

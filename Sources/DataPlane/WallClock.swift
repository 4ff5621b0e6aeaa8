import Glibc

/// An instant of the time of day, for log lines.
struct WallClock {
    /// Since 1970-01-01T00:00:00Z.
    var seconds: Int
    var milliseconds: Int

    static func now() -> WallClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallClock(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }

    /// `2026-11-23T22:05:00.123Z` (RFC 3339, UTC).
    var rfc3339: String {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [
            padded(Int(parts.tm_year) + 1900, 4), padded(Int(parts.tm_mon) + 1, 2), padded(Int(parts.tm_mday), 2),
        ].joined(separator: "-")
        let time = [
            padded(Int(parts.tm_hour), 2), padded(Int(parts.tm_min), 2), padded(Int(parts.tm_sec), 2),
        ].joined(separator: ":")
        return "\(date)T\(time).\(padded(milliseconds, 3))Z"
    }
}

import Glibc

/// A moment in Coordinated Universal Time as RFC 3339 writes it, for example `2026-11-23T22:18:52.123456Z`.
package struct Timestamp: Sendable, Hashable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package let seconds: Int

    /// What has passed of the second: 0 to 999,999.
    package let microseconds: Int

    /// The moment that many seconds and microseconds (0 to 999,999) after 1970-01-01T00:00:00Z.
    package init(seconds: Int, microseconds: Int = 0) {
        precondition((0..<1_000_000).contains(microseconds))
        self.seconds = seconds
        self.microseconds = microseconds
    }

    /// What the system's clock says now.
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int(time.tv_sec), microseconds: Int(time.tv_nsec) / 1000)
    }

    package var description: String {
        let (days, second) = Self.floorDivide(seconds, 86_400)
        let (year, month, day) = Self.civilDate(daysSince1970: days)
        let fields: [(Int, Int, StaticString)] = [
            (year, 4, "-"), (month, 2, "-"), (day, 2, "T"),
            (second / 3600, 2, ":"), (second / 60 % 60, 2, ":"), (second % 60, 2, "."),
            (microseconds, 6, "Z"),
        ]
        var text = ""
        text.reserveCapacity(27)
        for (number, width, separator) in fields {
            let digits = String(number)
            for _ in 0..<max(0, width - digits.utf8.count) { text.append("0") }
            text.append(digits)
            text.append("\(separator)")
        }
        return text
    }

    private static func floorDivide(_ dividend: Int, _ divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = dividend.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// The date in the Gregorian calendar, counted in 400-year eras that begin on 1 March, so that the leap day is
    /// the last day of a year.
    private static func civilDate(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let daysSinceMarchOfYear0 = daysSince1970 + 719_468
        let (era, dayOfEra) = floorDivide(daysSinceMarchOfYear0, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

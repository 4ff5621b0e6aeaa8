import Glibc

/// A moment in Coordinated Universal Time, written as RFC 3339 with three decimals (`2026-11-23T10:15:30.042Z`) or with
/// six.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The precision with which a moment is taken or written.
    package enum Precision: Sendable {
        case milliseconds
        case microseconds
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds as in POSIX.
    package let milliseconds: Int64
    /// Microseconds beyond the milliseconds: 0 to 999, and 0 in a moment that is exact to the millisecond.
    package let microseconds: Int

    package init(milliseconds: Int64, microseconds: Int = 0) {
        precondition((0..<1000).contains(microseconds), "a millisecond has a thousand microseconds")
        self.milliseconds = milliseconds
        self.microseconds = microseconds
    }

    /// The system's wall clock, which may jump.
    ///
    /// - Parameter precision: the precision that is kept: moments are compared, and read again as they were written,
    ///   only by what they have.
    package static func now(_ precision: Precision = .milliseconds) -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let microseconds = Int(time.tv_nsec) / 1_000
        return Timestamp(
            milliseconds: Int64(time.tv_sec) * 1_000 + Int64(microseconds / 1_000),
            microseconds: precision == .microseconds ? microseconds % 1_000 : 0)
    }

    /// - Parameter duration: counted in whole milliseconds; a result beyond the end of time is clamped to it.
    package func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, pastTheEnd) = milliseconds.addingReportingOverflow(whole + attoseconds / 1_000_000_000_000_000)
        return Timestamp(milliseconds: overflow || pastTheEnd ? .max : sum, microseconds: microseconds)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.milliseconds, left.microseconds) < (right.milliseconds, right.microseconds)
    }

    // MARK: Text

    package var description: String { text(.milliseconds) }

    /// The moment in RFC 3339's form.
    package func text(_ precision: Precision) -> String {
        let day = milliseconds.floorDivided(by: 86_400_000)
        let inDay = milliseconds - day * 86_400_000
        let (year, month, dayOfMonth) = Self.civil(day: day)
        var text = ""
        text.reserveCapacity("2026-11-23T10:15:30.042123Z".utf8.count)
        text.append(year, digits: 4, "-")
        text.append(month, digits: 2, "-")
        text.append(dayOfMonth, digits: 2, "T")
        text.append(inDay / 3_600_000, digits: 2, ":")
        text.append(inDay / 60_000 % 60, digits: 2, ":")
        text.append(inDay / 1000 % 60, digits: 2, ".")
        switch precision {
        case .milliseconds: text.append(inDay % 1000, digits: 3, "Z")
        case .microseconds: text.append(inDay % 1000 * 1000 + Int64(microseconds), digits: 6, "Z")
        }
        return text
    }

    /// Reads exactly the form that `description` writes; `nil` for anything else, such as another offset.
    package init?(rfc3339 text: some StringProtocol) {
        let bytes = Array(text.utf8)
        let form = Array("dddd-dd-ddTdd:dd:dd.dddZ".utf8)
        guard bytes.count == form.count else { return nil }
        var fields: [Int64] = [0]
        for (byte, expected) in zip(bytes, form) {
            if expected == UInt8(ascii: "d") {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                fields[fields.count - 1] = fields[fields.count - 1] * 10 + Int64(byte - UInt8(ascii: "0"))
            } else {
                guard byte == expected else { return nil }
                fields.append(0)
            }
        }
        let (year, month, day) = (fields[0], fields[1], fields[2])
        let (hour, minute, second, millisecond) = (fields[3], fields[4], fields[5], fields[6])
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60 else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        // 31 April and the like come back as another date.
        guard Self.civil(day: days) == (year, month, day) else { return nil }
        self.init(milliseconds: (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond)
    }

    // The two conversions count eras of 400 years from 1 March of year 0 in the proleptic Gregorian calendar (Howard
    // Hinnant, "chrono-compatible low-level date algorithms").

    private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.floorDivided(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(rfc3339: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is not a time like 2026-11-23T10:15:30.042Z")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension String {
    /// Appends a number, with leading zeros up to its width, and the character that follows it.
    fileprivate mutating func append(_ number: Int64, digits width: Int, _ end: Character) {
        let digits = String(number)
        for _ in digits.utf8.count..<max(digits.utf8.count, width) { append("0") }
        append(digits)
        append(end)
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }
}

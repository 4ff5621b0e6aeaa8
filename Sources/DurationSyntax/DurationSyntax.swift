/// The written form of durations in settings, flags and the admin API: `250ms`, `30s`, `5m`, `1h30m`, `1.5s`.
extension Duration {
    /// Reads a duration.
    ///
    /// One or more decimal numbers, each with a unit (`ms`, `s`, `m`, `h`), from the largest unit to the smallest; a
    /// lone `0` needs no unit. Signs, spaces, repeated units and more than nine digits after the point are refused, as
    /// is anything above about 290 years.
    ///
    /// - Parameter text: the text to read.
    /// - Returns: `nil` if the text does not have that form.
    package init?(text: some StringProtocol) {
        if text == "0" {
            self = .zero
            return
        }
        var rest = Array(text.utf8)[...]
        var total: Int64 = 0
        var smallestUnit = Int64.max
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            guard let number = DecimalNumber(readingFrom: &rest), let unit = Self.readUnit(from: &rest),
                unit < smallestUnit, let nanoseconds = number.scaled(by: unit)
            else { return nil }
            smallestUnit = unit
            let (sum, overflow) = total.addingReportingOverflow(nanoseconds)
            guard !overflow else { return nil }
            total = sum
        }
        self = .nanoseconds(total)
    }

    /// The shortest text of whole units that `init(text:)` reads back, exact to the millisecond: `1m30s`, `250ms`.
    ///
    /// A remainder below one millisecond is cut off; negative durations are written as `0s`.
    package var text: String {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return "0s" }
        let milliseconds = attoseconds / 1_000_000_000_000_000
        let parts = [
            (seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"), (milliseconds, "ms"),
        ]
        let text = parts.filter { $0.0 != 0 }.map { "\($0.0)\($0.1)" }.joined()
        return text.isEmpty ? "0s" : text
    }

    /// The duration in seconds, as in metrics and JSON bodies; exact to about a microsecond over years.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }

    /// Removes a unit from the front and returns its length in nanoseconds.
    private static func readUnit(from rest: inout ArraySlice<UInt8>) -> Int64? {
        let letters = rest.prefix { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        rest = rest.dropFirst(letters.count)
        switch String(decoding: letters, as: UTF8.self) {
        case "ms": return 1_000_000
        case "s": return 1_000_000_000
        case "m": return 60_000_000_000
        case "h": return 3_600_000_000_000
        default: return nil
        }
    }
}

/// A non-negative decimal number with at most nine digits after the point.
private struct DecimalNumber {
    private var whole: Int64
    /// The digits after the point as billionths.
    private var billionths: Int64 = 0

    /// Removes a number from the front; `nil` if there is none or it is out of range.
    init?(readingFrom rest: inout ArraySlice<UInt8>) {
        let digits = Self.takeDigits(&rest)
        guard !digits.isEmpty, let whole = Int64(digits) else { return nil }
        self.whole = whole
        guard rest.first == UInt8(ascii: ".") else { return }
        rest = rest.dropFirst()
        let fraction = Self.takeDigits(&rest)
        guard (1...9).contains(fraction.count),
            let billionths = Int64(fraction + String(repeating: "0", count: 9 - fraction.count))
        else { return nil }
        self.billionths = billionths
    }

    /// The number times a unit of whole nanoseconds; `nil` if the product does not fit.
    func scaled(by unit: Int64) -> Int64? {
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
        // billionths < 10^9 and the largest unit is 3.6 * 10^12 ns: splitting the unit keeps the product in 64 bits.
        let part = billionths * (unit / 1_000_000) / 1_000
        let (sum, sumOverflow) = product.addingReportingOverflow(part)
        return overflow || sumOverflow ? nil : sum
    }

    private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> String {
        let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        rest = rest.dropFirst(digits.count)
        return String(decoding: digits, as: UTF8.self)
    }
}

import JSONLogging
import Testing

@Suite("Timestamps")
struct TimestampTests {
    @Test(
        "RFC 3339 in UTC, with microseconds",
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (1_795_472_332, 123_456, "2026-11-23T22:18:52.123456Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001Z"),
            (4_107_542_399, 999_999, "2100-02-28T23:59:59.999999Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
            (-1, 5, "1969-12-31T23:59:59.000005Z"),
            (-62_135_596_800, 0, "0001-01-01T00:00:00.000000Z"),
        ])
    func description(seconds: Int, microseconds: Int, text: String) {
        #expect(Timestamp(seconds: seconds, microseconds: microseconds).description == text)
    }

    @Test("Days follow each other through four hundred years")
    func everyDay() {
        var (year, month, day) = (1970, 1, 1)
        for index in 0..<146_097 {
            let text = Timestamp(seconds: index * 86_400).description
            let digits = text.prefix(10).split(separator: "-").compactMap { Int($0) }
            guard digits == [year, month, day] else {
                Issue.record("\(text) is not \(year)-\(month)-\(day)")
                return
            }
            let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
            let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            day += 1
            if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test("The clock moves forward")
    func now() {
        let first = Timestamp.now()
        let second = Timestamp.now()
        #expect(first.seconds > 1_700_000_000)
        #expect((first.seconds, first.microseconds) <= (second.seconds, second.microseconds))
    }
}

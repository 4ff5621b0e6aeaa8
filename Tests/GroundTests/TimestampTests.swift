import Ground
import Ground
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_795_428_930_042, "2026-11-23T10:15:30.042Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (4_102_444_799_999, "2099-12-31T23:59:59.999Z"), (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
    ])
    func writesAndReads(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
        #expect(Timestamp(rfc3339: text) == Timestamp(milliseconds: milliseconds))
    }

    @Test(arguments: [
        (0, 0, "1970-01-01T00:00:00.000000Z"), (1_795_472_332_123, 456, "2026-11-23T22:18:52.123456Z"),
        (951_782_400_000, 1, "2000-02-29T00:00:00.000001Z"), (4_107_542_399_999, 999, "2100-02-28T23:59:59.999999Z"),
        (4_107_542_400_000, 0, "2100-03-01T00:00:00.000000Z"), (-1_000, 5, "1969-12-31T23:59:59.000005Z"),
        (-1, 999, "1969-12-31T23:59:59.999999Z"), (-62_135_596_800_000, 0, "0001-01-01T00:00:00.000000Z"),
    ])
    func writesMicroseconds(milliseconds: Int64, microseconds: Int, text: String) {
        #expect(Timestamp(milliseconds: milliseconds, microseconds: microseconds).text(.microseconds) == text)
    }

    @Test func daysFollowEachOtherThroughFourHundredYears() {
        var (year, month, day) = (1970, 1, 1)
        for index in 0..<146_097 {
            let text = Timestamp(milliseconds: Int64(index) * 86_400_000).description
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

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23T10:15:30Z", "2026-11-23T10:15:30.042+00:00", "2026-11-23 10:15:30.042Z",
        "2026-13-23T10:15:30.042Z", "2026-02-29T10:15:30.042Z", "2026-04-31T10:15:30.042Z", "2026-11-23T24:15:30.042Z",
        "2026-11-23T10:60:30.042Z", "2026-11-23T10:15:60.042Z", "2026-00-10T10:15:30.042Z", "2026-01-00T10:15:30.042Z",
        "2026-11-23T10:15:30.042Z ", "2o26-11-23T10:15:30.042Z",
    ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func readsBackDaysOfCenturies() {
        for day in stride(from: Int64(-200_000), to: 200_000, by: 17) {
            let time = Timestamp(milliseconds: day * 86_400_000 + 43_200_001)
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test func movesOnByWholeMilliseconds() {
        let time = Timestamp(milliseconds: 1_000)
        #expect(time.advanced(by: .milliseconds(1_500)) == Timestamp(milliseconds: 2_500))
        #expect(time.advanced(by: .microseconds(1_999)) == Timestamp(milliseconds: 1_001))
        #expect(time.advanced(by: .seconds(-1)) == Timestamp(milliseconds: 0))
        #expect(time.advanced(by: .seconds(Int64.max)) == Timestamp(milliseconds: .max))
    }

    @Test func ordersByMicroseconds() {
        #expect(Timestamp(milliseconds: 5, microseconds: 1) < Timestamp(milliseconds: 5, microseconds: 2))
        #expect(Timestamp(milliseconds: 4, microseconds: 999) < Timestamp(milliseconds: 5))
    }

    @Test func isNow() {
        let first = Timestamp.now(.microseconds)
        #expect(first > Timestamp(rfc3339: "2026-01-01T00:00:00.000Z")!)
        #expect(first <= Timestamp.now(.microseconds))
        // A time stored to the millisecond reads back as the same time.
        let kept = Timestamp.now()
        #expect(Timestamp(rfc3339: kept.description) == kept)
        #expect((0..<1_000).contains { _ in Timestamp.now(.microseconds).microseconds != 0 })
    }
}

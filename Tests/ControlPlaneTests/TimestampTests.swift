import ControlPlane
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

    @Test func isNow() {
        #expect(Timestamp.now() > Timestamp(rfc3339: "2026-01-01T00:00:00.000Z")!)
    }
}

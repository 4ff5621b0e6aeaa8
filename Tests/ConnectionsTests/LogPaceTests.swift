import Connections
import EventLoop
import TestSupport
import Testing

@Suite struct LogPaceTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)

    @Test func writesAFewAtOnceThenOneASecondAndCountsTheRest() {
        var pace = LogPace()
        for _ in 0..<20 { expect(pace.take(now: start) == 0) }
        for _ in 0..<7 { expect(pace.take(now: start + .milliseconds(500)) == nil) }
        expect(pace.take(now: start + .milliseconds(1_100)) == 7)
        expect(pace.take(now: start + .milliseconds(1_100)) == nil)
        expect(pace.take(now: start + .milliseconds(2_200)) == 1)
    }

    @Test func aQuietWhileSavesUpOnlyAFewLines() {
        var pace = LogPace()
        for _ in 0..<20 { _ = pace.take(now: start) }
        let later = start + .seconds(1_000_000)
        for _ in 0..<20 { expect(pace.take(now: later) == 0) }
        expect(pace.take(now: later) == nil)
    }
}

import EventLoop
import Testing

@Suite struct MonotonicTimeTests {
    @Test func addsDurations() {
        let start = MonotonicTime(nanoseconds: 1_000)
        #expect(start + .microseconds(2) == MonotonicTime(nanoseconds: 3_000))
        #expect((start + .microseconds(2)).since(start) == .microseconds(2))
    }

    @Test func neverGoesBackOrOver() {
        let start = MonotonicTime(nanoseconds: 1_000)
        #expect(start + .seconds(-5) == start)
        #expect(start.since(start + .seconds(1)) == .zero)
        #expect(start + .seconds(Int64.max) == MonotonicTime(nanoseconds: .max))
    }

    @Test func readsAClockThatMovesForward() {
        let first = TimeSource.system.read()
        #expect(TimeSource.system.read() >= first)
    }
}

import Connections
import EventLoop
import Testing

@Suite struct BlockedTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func isStalledOnceNothingWasTakenForTooLong() {
        var blocked = Blocked(since: start, unacknowledged: 100_000)
        #expect(blocked.isStalled(100_000, for: .seconds(60), now: start + .seconds(60)) == false)
        #expect(blocked.isStalled(100_000, for: .seconds(60), now: start + .seconds(61)) == true)
    }

    @Test func aSlowReaderIsNotStalled() {
        var blocked = Blocked(since: start, unacknowledged: 100_000)
        for second in 1...300 {
            let isStalled = blocked.isStalled(100_000 - 10 * second, for: .seconds(2), now: start + .seconds(second))
            #expect(!isStalled)
        }
        #expect(blocked.isStalled(97_000, for: .seconds(2), now: start + .seconds(303)) == true)
    }

    @Test func goesByTimeAloneIfTheSystemCanNotTell() {
        var blocked = Blocked(since: start, unacknowledged: nil)
        #expect(blocked.isStalled(nil, for: .seconds(2), now: start + .seconds(1)) == false)
        #expect(blocked.isStalled(nil, for: .seconds(2), now: start + .seconds(3)) == true)
    }
}

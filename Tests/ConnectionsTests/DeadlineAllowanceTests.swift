import Connections
import EventLoop
import Testing

@Suite struct DeadlineAllowanceTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test(arguments: [
        // Slack: a tenth of the deadline, a second at most, plus five milliseconds.
        (1_000, 894, false), (1_000, 895, true), (1_000, 1_000, true), (1_000, 5_000, true),
        (50, 39, false), (50, 40, true), (1, 0, true), (0, 0, true),
        (60_000, 58_994, false), (60_000, 58_995, true),
    ])
    func tellsADeadlineFromAnExcuse(timeout: Int, after: Int, expected: Bool) {
        let isOver = DeadlineAllowance.isOver(
            start + .milliseconds(timeout), began: start, now: start + .milliseconds(after))
        #expect(isOver == expected)
    }

    @Test func forgivesALimitedNumberASecond() {
        var allowance = DeadlineAllowance(perSecond: 3, now: start)
        let times = [0, 1, 2, 3, 999, 1_000, 1_001, 1_002, 1_003, 5_000].map { start + .milliseconds($0) }
        let forgiven = times.map { allowance.forgives(now: $0) }
        #expect(forgiven == [true, true, true, false, false, true, true, true, false, true])
    }
}

import Connections
import EventLoop
import TestSupport
import Testing

@Suite struct ResetBudgetTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func budget() -> ResetBudget { ResetBudget(capacity: 3, refill: .milliseconds(100), now: start) }

    @Test func endsAfterItsCapacity() {
        var budget = budget()
        #expect((0..<5).map { _ in budget.endedUncleanly(now: start) } == [true, true, true, false, false])
    }

    @Test func isRefilledByCleanEndsUpToItsCapacity() {
        var budget = budget()
        for _ in 0..<100 { budget.endedCleanly() }
        for _ in 0..<3 { expect(budget.endedUncleanly(now: start)) }
        budget.endedCleanly()
        expect(budget.endedUncleanly(now: start))
        expect(!budget.endedUncleanly(now: start))
    }

    @Test func isRefilledByTime() {
        var budget = budget()
        for _ in 0..<3 { expect(budget.endedUncleanly(now: start)) }
        expect(!budget.endedUncleanly(now: start + .milliseconds(99)))
        expect(budget.endedUncleanly(now: start + .milliseconds(200)))
        expect(budget.endedUncleanly(now: start + .milliseconds(200)))
        expect(!budget.endedUncleanly(now: start + .milliseconds(200)))
        let muchLater = start + .seconds(3600)
        #expect((0..<4).map { _ in budget.endedUncleanly(now: muchLater) } == [true, true, true, false])
    }

    @Test func mayBeginWithLess() {
        var budget = ResetBudget(capacity: 3, refill: .milliseconds(100), now: start, left: 1)
        #expect(budget.left(now: start) == 1)
        expect(budget.endedUncleanly(now: start))
        expect(!budget.endedUncleanly(now: start))
        #expect(budget.left(now: start + .milliseconds(250)) == 2)
        for _ in 0..<9 { budget.endedCleanly() }
        #expect(budget.left(now: start + .milliseconds(250)) == 3)
        var none = ResetBudget(capacity: 3, refill: .milliseconds(100), now: start, left: -1)
        #expect(none.left(now: start) == 0)
    }
}

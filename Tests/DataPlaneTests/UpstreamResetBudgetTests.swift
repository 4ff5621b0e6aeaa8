import DataPlane
import EventLoop
import TestSupport
import Testing

@Suite struct UpstreamResetBudgetTests {
    private let start = MonotonicTime(nanoseconds: 77_300_000_000)

    @Test func halfCallsForAnotherConnectionAndAllOfItIsTheLimit() {
        var budget = UpstreamResetBudget(limit: 10, window: .seconds(30))
        expect(budget.isUnused(now: start))
        for count in 0..<10 {
            expect(budget.allows(now: start))
            expect(budget.isHalfUsed(now: start) == (count >= 5))
            budget.record(now: start)
        }
        expect(!budget.allows(now: start))
        expect(!budget.allows(now: start + .milliseconds(29_999)))
        // A slot is a thirtieth of the window, so one second later at the latest there is room again.
        expect(budget.allows(now: start + .seconds(31)))
        expect(budget.isUnused(now: start + .seconds(31)))
    }

    @Test func halfOfAnOddLimitIsRoundedUp() {
        var budget = UpstreamResetBudget(limit: 3, window: .seconds(30))
        budget.record(now: start)
        expect(!budget.isHalfUsed(now: start))
        budget.record(now: start)
        expect(budget.isHalfUsed(now: start))
    }

    /// No period as long as the window has more resets than the limit, however they are requested.
    @Test(arguments: 0..<40) func noWindowHasMore(seed: UInt64) {
        var random = SplitMix(seed: seed)
        let limit = Int.random(in: 1...40, using: &random)
        let window = Duration.milliseconds(Int64.random(in: 100...40_000, using: &random))
        var budget = UpstreamResetBudget(limit: limit, window: window)
        var now = start
        var sent: [MonotonicTime] = []
        for _ in 0..<2_000 {
            let pause = UInt64.random(in: 0...(window.clampedNanoseconds / UInt64(limit)), using: &random)
            now = MonotonicTime(nanoseconds: now.nanoseconds + pause)
            guard budget.allows(now: now) else { continue }
            budget.record(now: now)
            sent.append(now)
        }
        for (index, time) in sent.enumerated() where index >= limit {
            #expect(time.since(sent[index - limit]) >= window)
        }
        // The budget is stricter than it says by one slot at most.
        #expect(sent.count > limit)
    }

    @Test func theBudgetIsWholeAgainAfterALongPause() {
        var budget = UpstreamResetBudget(limit: 2, window: .milliseconds(300))
        budget.record(now: start)
        budget.record(now: start + .milliseconds(250))
        expect(!budget.allows(now: start + .milliseconds(299)))
        expect(budget.allows(now: start + .milliseconds(315)))
        expect(!budget.isUnused(now: start + .milliseconds(315)))
        expect(budget.isUnused(now: start + .seconds(100_000)))
    }
}

import DataPlane
import EventLoop
import TestSupport
import Testing

@Suite struct UpstreamResetBudgetTests {
    private let start = MonotonicTime(nanoseconds: 77_300_000_000)

    @Test func halfOfItCallsForAnotherConnectionAndAllOfItIsTheMost() {
        var budget = UpstreamResetBudget(limit: 10, window: .seconds(30))
        expect(budget.isUnused(now: start))
        for count in 0..<10 {
            expect(budget.allows(now: start))
            expect(budget.isHalfUsed(now: start) == (count >= 5))
            budget.record(now: start)
        }
        expect(!budget.allows(now: start))
        expect(!budget.allows(now: start + .milliseconds(29_999)))
        // A part of the window later at the latest.
        expect(budget.allows(now: start + .seconds(31)))
        expect(budget.isUnused(now: start + .seconds(31)))
    }

    @Test func anOddLimitIsHalfUsedByTheGreaterHalf() {
        var budget = UpstreamResetBudget(limit: 3, window: .seconds(30))
        budget.record(now: start)
        expect(!budget.isHalfUsed(now: start))
        budget.record(now: start)
        expect(budget.isHalfUsed(now: start))
    }

    /// Whatever is asked for, no stretch of time as long as the window has more than the limit.
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
        // It is no stricter than it says: a part of the window, a thirtieth, at most.
        #expect(sent.count > limit)
    }

    @Test func whatIsForgottenComesBackAfterALongPause() {
        var budget = UpstreamResetBudget(limit: 2, window: .milliseconds(300))
        budget.record(now: start)
        budget.record(now: start + .milliseconds(250))
        expect(!budget.allows(now: start + .milliseconds(299)))
        expect(budget.allows(now: start + .milliseconds(315)))
        expect(!budget.isUnused(now: start + .milliseconds(315)))
        expect(budget.isUnused(now: start + .seconds(100_000)))
    }
}

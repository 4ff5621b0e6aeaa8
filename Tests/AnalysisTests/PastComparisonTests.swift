import Analysis
import Testing

@Suite struct PastComparisonTests {
    private func look(new: SideCounts, past: SideCounts) -> Verdict {
        var watch = ReleaseGuard(plan: GuardPlan())
        watch.begin(.before(.byCall))
        return watch.look([MethodCounts(method: "/a", new: new, old: past)])
    }

    @Test func theFindingNamesWhatItRestsOn() {
        let verdict = look(new: SideCounts(calls: 6, failures: 6), past: SideCounts(calls: 10_000, failures: 10))
        #expect(verdict.isBreach)
        #expect(verdict.finding?.basis == .callsBefore)
    }

    /// A bank of earlier calls lasts for as many new ones as it has calls. The stage's first window judges no more than
    /// that, because beyond it the bank's own luck would be counted twice.
    @Test func anExhaustedBankSaysNothing() {
        #expect(look(new: SideCounts(calls: 101, failures: 101), past: SideCounts(calls: 100)) == .none(strongest: nil))
        #expect(look(new: SideCounts(calls: 100, failures: 100), past: SideCounts(calls: 100)).isBreach)
        #expect(look(new: SideCounts(calls: 100, failures: 100), past: SideCounts()) == .none(strongest: nil))
    }

    @Test func sameSharesAreNoEvidence() {
        #expect(
            !look(new: SideCounts(calls: 500, failures: 50), past: SideCounts(calls: 10_000, failures: 1_000)).isBreach)
    }
}

import Analysis
import DataPlane

/// Puts together what is compared of a method: what the workers have counted in the step, and what is kept of the time
/// before.
struct MethodCounting {
    private let new: Color
    private let givesAll: Bool
    private let bank: ReleaseBank?
    private let draw: Draw
    private let judgesExhausted: Bool

    init(_ release: Release, _ draw: Draw) {
        new = release.plan.to
        givesAll = release.givesAll
        bank = release.bank
        judgesExhausted = release.plan.judgesExhausted == true
        self.draw = draw
    }

    /// What is compared of a method.
    func counts(of path: String, _ seen: StepStatistics.Method) -> MethodCounts {
        let before = bank?.methods[path]
        let old = givesAll ? before?.served ?? StepStatistics.Outcome() : seen.colors[new.other]
        // UNIMPLEMENTED is a fault where somebody has got an answer.
        let isKnown = old.succeeded > 0
        func side(_ outcome: StepStatistics.Outcome) -> SideCounts { judged(outcome, isKnown) }
        var counts = MethodCounts(method: path, new: side(seen.colors[new]), old: side(old))
        if givesAll { counts.newUnderWay = seen.colors[new].underWay }
        guard draw == .byKey else { return counts }
        let pasts = Dictionary(
            before?.keys.map { ($0.key, side($0.served)) } ?? [], uniquingKeysWith: { one, _ in one })
        counts.keys = seen.keys.map { key, value in
            KeyCounts(
                key: key, side: value.color == new ? .new : .old, counts: side(value.outcome),
                past: pasts[key] ?? SideCounts())
        }
        if givesAll {
            // What hasn't called since is known, too.
            counts.keys += pasts.filter { seen.keys[$0.key] == nil }.map { key, past in
                KeyCounts(key: key, side: .new, counts: SideCounts(), past: past)
            }
        }
        counts.hasMoreKeys = seen.hasMoreKeys || before?.hasMoreKeys == true
        counts.newWithoutKey = side(seen.withoutKey[new])
        counts.oldWithoutKey = side(
            givesAll ? before?.withoutKey ?? StepStatistics.Outcome() : seen.withoutKey[new.other])
        return counts
    }

    private func judged(_ outcome: StepStatistics.Outcome, _ isKnown: Bool) -> SideCounts {
        var (calls, failures) = (outcome.calls, outcome.failures + (isKnown ? outcome.unimplemented : 0))
        if judgesExhausted {
            calls += outcome.exhausted
            failures += outcome.exhausted
        }
        // At the same time chance gives both colors the same deadlines. Afterwards callers may have set others, and whoever
        // sets short ones could fail a release: then a deadline that has passed says how long the answer took at least.
        if !givesAll {
            calls += outcome.late
            failures += outcome.late
        }
        return SideCounts(
            calls: calls, failures: failures, firstByte: LatencyCounts(outcome.firstByte),
            duration: LatencyCounts(outcome.duration))
    }
}

import Analysis
import Glibc
import Testing

@Suite struct ShareMixtureTests {
    private func evidence(
        _ mixture: ShareMixture, new: (failures: Double, successes: Double), old: (failures: Double, successes: Double),
        leavingOutOne: Bool = false
    ) -> Double {
        var tally = ShareTally()
        tally.newFailures = new.failures
        tally.newSuccesses = new.successes
        tally.oldFailures = old.failures
        tally.oldSuccesses = old.successes
        return ShareMixture.evidence(
            of: [ShareMixture.Part(mixture: mixture, tally: tally)], leavingOutOne: leavingOutOne)
    }

    /// The heart of it, without simulation: over all results of a few units, whose shares of failures differ from one
    /// to the next, the e-value's mean is at most 1 where no unit is worse by more than the margin.
    @Test(arguments: [0.02, 0.1, 0.5, 0.95], [0, 0.005, 0.08]) func theMeanIsAtMostOne(share: Double, margin: Double) {
        let mixture = ShareMixture(share: share, margin: margin)
        let old = [0, 0.0004, 0.02, 0.3, 0.7, 1]
        for first in old {
            for second in old {
                for worse in [0, 0.5, 1] {
                    var mean = 0.0
                    for outcome in 0..<16 {
                        var probability = 1.0
                        var (new, olds) = ((failures: 0.0, successes: 0.0), (failures: 0.0, successes: 0.0))
                        for (unit, p) in [first, second].enumerated() {
                            let (isNew, hasFailed) = (
                                outcome >> (2 * unit) & 1 == 1, outcome >> (2 * unit + 1) & 1 == 1
                            )
                            let failing = isNew ? min(1, p + worse * margin) : p
                            probability *= (isNew ? share : 1 - share) * (hasFailed ? failing : 1 - failing)
                            switch (isNew, hasFailed) {
                            case (true, true): new.failures += 1
                            case (true, false): new.successes += 1
                            case (false, true): olds.failures += 1
                            case (false, false): olds.successes += 1
                            }
                        }
                        mean += probability * exp(evidence(mixture, new: new, old: olds))
                    }
                    #expect(mean <= 1 + 1e-9, "\(first), \(second), worse by \(worse) margins")
                }
            }
        }
    }

    /// And it isn't so by being blind: one that fails far more is found.
    @Test func evidenceGrowsWhereTheNewSideIsWorse() {
        let mixture = ShareMixture(share: 0.1, margin: 0.005)
        #expect(evidence(mixture, new: (7, 63), old: (1, 629)) > log(1000))
        #expect(evidence(mixture, new: (4, 0), old: (0, 36)) > log(1000))
        // No worse, or worse by less than the margin.
        #expect(evidence(mixture, new: (2, 998), old: (18, 8_982)) < 0)
        #expect(evidence(mixture, new: (6, 994), old: (18, 8_982)) < 0)
    }

    @Test func oneUnitLessIsLeftWhenTheStrongestIsLeftOut() {
        let mixture = ShareMixture(share: 0.1, margin: 0.005)
        let all = evidence(mixture, new: (5, 0), old: (0, 20), leavingOutOne: true)
        #expect(all <= evidence(mixture, new: (4, 0), old: (0, 20)) + 1e-9)
        #expect(evidence(mixture, new: (1, 0), old: (0, 0), leavingOutOne: true) <= 1e-9)
    }

    /// A margin that leaves no alternative is no test, rather than a test of something else.
    @Test func aMarginOfNearlyAllSaysNothing() {
        let mixture = ShareMixture(share: 0.5, margin: 0.9)
        #expect(evidence(mixture, new: (100, 0), old: (0, 100)) == -.infinity)
    }
}

import Analysis
import Glibc
import Testing

@Suite struct LimitMixtureTests {
    @Test(arguments: [0.001, 0.01, 0.2, 0.9]) func theMeanIsOneAtTheLimitAndLessBelow(limit: Double) {
        let mixture = LimitMixture(limit: limit)
        let (broken, kept) = (exp(mixture.evidence(broken: 1, kept: 0)), exp(mixture.evidence(broken: 0, kept: 1)))
        #expect(abs(limit * broken + (1 - limit) * kept - 1) < 1e-9)
        #expect(limit / 2 * broken + (1 - limit / 2) * kept < 1)
    }

    @Test func evidenceGrowsBeyondTheLimitOnly() {
        let mixture = LimitMixture(limit: 0.01)
        #expect(mixture.evidence(broken: 40, kept: 960) > log(1000))
        #expect(mixture.evidence(broken: 10, kept: 990) < log(10))
        #expect(mixture.evidence(broken: 5, kept: 0, leavingOutOne: true) < mixture.evidence(broken: 5, kept: 0))
    }
}

import Glibc

/// The test for an absolute limit: is the share of the new side's units that break it above what is allowed?
///
/// A sequential probability ratio test (Wald 1945), averaged over alternatives. Where the chance of each unit, given
/// all before it, is at most the limit, the ratio's mean is at most 1, so the product is a test supermartingale. It
/// reaches 1 / alpha exactly when a confidence sequence made of it (Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform,
/// nonparametric, nonasymptotic confidence sequences", arXiv 1810.08240) excludes the limit and all below.
package struct LimitMixture: Sendable {
    /// By how much an alternative's odds are above the limit's.
    private static let oddsRatios = [1.4, 2, 4, 10, 50, 1000]

    private let breaking: [Double]
    private let keeping: [Double]

    /// - Parameter limit: the share of units that may break the limit, above 0 and below 1.
    package init(limit: Double) {
        let alternatives = Self.oddsRatios.map { ratio in
            let odds = ratio * limit / (1 - limit)
            return odds / (1 + odds)
        }
        breaking = alternatives.map { log($0 / limit) }
        keeping = alternatives.map { log((1 - $0) / (1 - limit)) }
    }

    /// The logarithm of the evidence.
    ///
    /// - Parameters:
    ///   - broken: units that broke the limit; a key may have done so in part.
    ///   - kept: units that kept it.
    ///   - leavingOutOne: whether the most that a single unit can have given is taken away.
    package func evidence(broken: Double, kept: Double, leavingOutOne: Bool = false) -> Double {
        var sum = LogSum()
        for index in breaking.indices {
            sum.add((leavingOutOne ? broken - 1 : broken) * breaking[index] + kept * keeping[index])
        }
        return sum.value - log(Double(breaking.count))
    }
}

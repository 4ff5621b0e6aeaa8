import Glibc

/// Bounds on a share, such as that of answers that agree, which hold each time that one looks.
///
/// A confidence interval is right in 19 of 20 cases if one looks once. Whoever looks after every call and acts on what he sees is
/// wrong sooner or later. These bounds are wrong with the same small probability over all looks together: the true share is
/// outside of them at any time, however long it goes on, with a probability of at most `error`.
///
/// They are those of a mixture of likelihoods. If the share is p, the product of the likelihood ratios of what was seen, averaged
/// over shares by a beta distribution, is a martingale that begins at 1, and by Ville's inequality it ever exceeds 1/error with a
/// probability of at most `error`. So the p for which it hasn't are a confidence set at every time. The beta distribution decides
/// where the bounds are tight, not whether they hold. They hold if each call is a hit with the probability p, whatever came before
/// it. Source: Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences" (Annals of
/// Statistics, 2021), section 3, for Bernoulli observations; Robbins, "Statistical methods related to the law of the iterated
/// logarithm" (1970).
package struct ConfidenceSequence: Sendable {
    /// The probability that the bounds are ever wrong, above 0 and below 1.
    package let error: Double
    /// The beta distribution's parameters, above 0: about how many hits and misses the averaging expects.
    private let prior: (hits: Double, misses: Double)

    /// - Parameter prior: the beta distribution's parameters; the default fits shares of any size.
    package init(error: Double, prior: (hits: Double, misses: Double) = (0.5, 0.5)) {
        precondition(error > 0 && error < 1 && prior.hits > 0 && prior.misses > 0)
        self.error = error
        self.prior = prior
    }

    /// Fits shares near 1: at an error of 0.05, 1,000 hits without a miss are proof of 99.5 %, and 100 of 96.1 %.
    package static func nearOne(error: Double) -> Self { Self(error: error, prior: (20, 0.5)) }

    /// The lowest share that is still possible, 0 to 1.
    ///
    /// - Parameters:
    ///   - hits: 0 to `trials`.
    ///   - trials: 0 or more.
    package func lower(_ hits: Int, of trials: Int) -> Double {
        bound(hits: Double(hits), misses: Double(trials - hits), prior)
    }

    /// The highest share that is still possible, 0 to 1.
    package func upper(_ hits: Int, of trials: Int) -> Double {
        1 - bound(hits: Double(trials - hits), misses: Double(hits), (prior.misses, prior.hits))
    }

    /// The p below the share of hits for which the martingale is 1/error; it falls from there to that share.
    private func bound(hits: Double, misses: Double, _ prior: (hits: Double, misses: Double)) -> Double {
        guard hits > 0 else { return 0 }
        let evidence =
            logBeta(hits + prior.hits, misses + prior.misses) - logBeta(prior.hits, prior.misses) + log(error)
        var (low, high) = (0.0, hits / (hits + misses))
        // Each step halves what is left: after 50 of them that is less than a double tells apart from 1.
        for _ in 0..<50 {
            let middle = (low + high) / 2
            let value = evidence - hits * log(middle) - (misses > 0 ? misses * log1p(-middle) : 0)
            if value > 0 { low = middle } else { high = middle }
        }
        return low
    }

    /// The logarithm of the beta function.
    private func logBeta(_ a: Double, _ b: Double) -> Double {
        lgamma(a).0 + lgamma(b).0 - lgamma(a + b).0
    }
}

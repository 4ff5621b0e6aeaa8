import Glibc

/// The normal distribution with mean 0 and standard deviation 1.
enum NormalDistribution {
    /// The probability of a number below `value`.
    static func cumulative(_ value: Double) -> Double { 0.5 * erfc(-value * inverseRootOfTwo) }

    /// The number that a share of `probability` lies below: the inverse of `cumulative`.
    ///
    /// From a first guess, two of Halley's steps on whichever side of the distribution keeps the precision lead to
    /// within a few units in the last place of SciPy's `ndtri`.
    static func quantile(_ probability: Double) -> Double {
        if probability <= 0 { return probability < 0 ? .nan : -.infinity }
        if probability >= 1 { return probability > 1 ? .nan : .infinity }
        let distance = probability - 0.5
        if abs(distance) < 0.25 {
            // The first terms of the series.
            let slope = distance * root
            let square = slope * slope
            var quantile = slope * (1 + square * (1.0 / 6 + square * (7.0 / 120)))
            for _ in 0..<2 { quantile -= step(0.5 * erf(quantile * inverseRootOfTwo) - distance, quantile) }
            return quantile
        }
        // 1 - p is exact above one half.
        if distance > 0 { return -self.quantile(1 - probability) }
        // Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.23: within 0.00045.
        let depth = (-2 * log(probability)).squareRoot()
        var quantile =
            (2.515517 + depth * (0.802853 + depth * 0.010328))
            / (1 + depth * (1.432788 + depth * (0.189269 + depth * 0.001308))) - depth
        for _ in 0..<2 { quantile -= step(cumulative(quantile) - probability, quantile) }
        return quantile
    }

    private static let root = (2 * Double.pi).squareRoot()
    private static let inverseRootOfTwo = 0.5.squareRoot()

    /// Halley's step for a probability that is too large by `excess`.
    private static func step(_ excess: Double, _ quantile: Double) -> Double {
        let newton = excess * root * exp(0.5 * quantile * quantile)
        return newton / (1 + 0.5 * newton * quantile)
    }
}

import Glibc

/// The normal distribution with mean 0 and standard deviation 1.
enum NormalDistribution {
    /// The probability of a number below `value`.
    static func cumulative(_ value: Double) -> Double { 0.5 * erfc(-value * 0.5.squareRoot()) }

    /// The number that a share of `probability` lies below: the inverse of `cumulative`.
    ///
    /// By Halley's method, on whichever side of the distribution keeps the precision; within a few units in the last
    /// place of SciPy's `ndtri`.
    static func quantile(_ probability: Double) -> Double {
        if probability <= 0 { return probability < 0 ? .nan : -.infinity }
        if probability >= 1 { return probability > 1 ? .nan : .infinity }
        let distance = probability - 0.5
        if abs(distance) < 0.25 {
            var quantile = distance * (2 * Double.pi).squareRoot()
            for _ in 0..<4 {
                let excess = 0.5 * erf(quantile * 0.5.squareRoot()) - distance
                quantile -= step(excess, quantile)
            }
            return quantile
        }
        // 1 - p is exact above one half.
        if distance > 0 { return -quantile(1 - probability) }
        let steepness = (-2 * log(probability)).squareRoot()
        // The first terms of the tail's expansion.
        var quantile = -(steepness - (log(2 * Double.pi) + 2 * log(steepness)) / (2 * steepness))
        for _ in 0..<5 { quantile -= step(cumulative(quantile) - probability, quantile) }
        return quantile
    }

    /// Halley's step for a probability that is too large by `excess`.
    private static func step(_ excess: Double, _ quantile: Double) -> Double {
        let newton = excess * (2 * Double.pi).squareRoot() * exp(0.5 * quantile * quantile)
        return newton / (1 + 0.5 * newton * quantile)
    }
}

import Analysis
import Glibc

/// A distribution of latencies in seconds, drawn from a table of its quantiles: a family of ten thousand releases has a
/// few hundred million calls.
struct LatencyShape: Sendable {
    private let buckets: [Int]

    /// - Parameter quantile: the latency below which a share of the calls, above 0 and below 1, lies.
    init(_ quantile: (Double) -> Double) {
        let size = 1 << 14
        buckets = (0..<size).map {
            LatencyBuckets.standard.bucket(of: quantile((Double($0) + 0.5) / Double(size)))
        }
    }

    /// - Parameters:
    ///   - median: in seconds.
    ///   - sigma: the standard deviation of the logarithm.
    static func lognormal(median: Double, sigma: Double) -> LatencyShape {
        var random = SplitMix(seed: 99)
        let deviates = (0..<1 << 14).map { _ in random.normal() }.sorted()
        return LatencyShape { median * exp(sigma * deviates[Int($0 * Double(deviates.count))]) }
    }

    /// Pareto's distribution. With a tail exponent of 1.1 its mean is eleven times the least value, and its variance is
    /// infinite.
    static func pareto(least: Double, exponent: Double) -> LatencyShape {
        LatencyShape { least * pow(1 - $0, -1 / exponent) }
    }

    func bucket(_ random: inout SplitMix) -> Int { buckets[Int(truncatingIfNeeded: random.next() >> 50)] }
}

import Glibc

/// The row of buckets that latencies are counted in. Its bounds grow by one ratio, of which 1.25 is a whole power.
///
/// Bucket 0 has what takes up to `lowest`, bucket `i` what takes up to `lowest * ratio^i`, the last one all the rest.
/// With such a row "slower by a factor of 1.25" is a shift by whole buckets, so the tests need no interpolation: a call
/// takes longer than 1.25 times a bound exactly if it lies in a bucket beyond the shifted one.
package struct LatencyBuckets: Sendable, Codable, Equatable {
    /// 0.1 ms to two minutes in steps of 1.25.
    package static let standard = LatencyBuckets(lowest: 1e-4, stepsPerQuarter: 1, count: 64)

    /// The upper bound of the first bucket, in seconds; above 0.
    package let lowest: Double
    /// How many buckets a factor of 1.25 spans, 1 to 8.
    package let stepsPerQuarter: Int
    /// How many buckets there are, 2 to 1,024.
    package let count: Int

    package init(lowest: Double, stepsPerQuarter: Int, count: Int) {
        precondition(lowest > 0 && (1...8).contains(stepsPerQuarter) && (2...1024).contains(count))
        self.lowest = lowest
        self.stepsPerQuarter = stepsPerQuarter
        self.count = count
    }

    /// The natural logarithm of the ratio of two neighbouring bounds.
    package var step: Double { log(1.25) / Double(stepsPerQuarter) }

    /// The upper bound of a bucket in seconds; infinite for the last one.
    package func upperBound(of bucket: Int) -> Double {
        bucket >= count - 1 ? .infinity : lowest * exp(Double(bucket) * step)
    }

    /// The bucket of a latency in seconds.
    package func bucket(of seconds: Double) -> Int {
        guard seconds > lowest else { return 0 }
        // The quotient of a bound is a hair off its whole number; it belongs to the bucket that it closes.
        return min(count - 1, Int((log(seconds / lowest) / step - 1e-9).rounded(.up)))
    }

    /// The buckets that a factor spans, rounded up, so that a margin between two steps is never taken for a smaller
    /// one.
    ///
    /// - Parameter factor: 1 or more.
    package func steps(in factor: Double) -> Int {
        max(0, Int((log(factor) / step - 1e-9).rounded(.up)))
    }

    /// The first bucket all of whose calls took longer than a limit in seconds.
    package func firstBucket(beyond limit: Double) -> Int { bucket(of: limit) + 1 }
}

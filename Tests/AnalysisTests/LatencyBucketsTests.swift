import Analysis
import Testing

@Suite struct LatencyBucketsTests {
    @Test(arguments: [1, 2, 3]) func aBucketEndsWithItsBound(_ stepsPerQuarter: Int) {
        let buckets = LatencyBuckets(lowest: 1e-4, stepsPerQuarter: stepsPerQuarter, count: 64)
        for bucket in 0..<buckets.count - 1 {
            let bound = buckets.upperBound(of: bucket)
            #expect(buckets.bucket(of: bound) == bucket)
            #expect(buckets.bucket(of: bound * 1.000_001) == bucket + 1)
        }
        #expect(buckets.bucket(of: 0) == 0)
        #expect(buckets.bucket(of: 1e9) == buckets.count - 1)
        #expect(buckets.upperBound(of: buckets.count - 1) == .infinity)
    }

    @Test func aFactorOfAQuarterIsAShift() {
        let buckets = LatencyBuckets(lowest: 1e-4, stepsPerQuarter: 2, count: 100)
        #expect(buckets.steps(in: 1.25) == 2)
        var random = SplitMix(seed: 1)
        for _ in 0..<1_000 {
            let seconds = 1e-3 * (1 + 99 * random.unit())
            #expect(buckets.bucket(of: 1.25 * seconds) == buckets.bucket(of: seconds) + 2)
        }
    }

    /// A margin between two steps must not be taken for a smaller one.
    @Test func otherFactorsAreRoundedUp() {
        let buckets = LatencyBuckets.standard
        #expect(buckets.steps(in: 1) == 0)
        #expect(buckets.steps(in: 1.01) == 1)
        #expect(buckets.steps(in: 1.26) == 2)
        #expect(buckets.steps(in: 1.25 * 1.25 * 1.25) == 3)
    }

    @Test func theFirstBucketBeyondALimitHasNothingWithinIt() {
        let buckets = LatencyBuckets.standard
        for limit in [0.001, 0.0123, 0.5] {
            let first = buckets.firstBucket(beyond: limit)
            #expect(buckets.upperBound(of: first - 1) >= limit * 0.999_999)
            #expect(buckets.upperBound(of: first - 2) < limit)
        }
    }
}

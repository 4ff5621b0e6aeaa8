import Analysis
import Testing

@Suite struct LatencyCountsTests {
    @Test func countsGrowWithTheirBuckets() {
        var counts = LatencyCounts()
        counts.add(bucket: 3)
        counts.add(bucket: 1, calls: 4)
        counts.add(bucket: 3)
        #expect(counts.counts == [0, 4, 0, 2])
        #expect(counts.total == 6)
        #expect(counts == LatencyCounts([0, 4, 0, 2]))
    }

    @Test func quantilesAreBoundsOfBuckets() {
        let buckets = LatencyBuckets(lowest: 1, stepsPerQuarter: 1, count: 4)
        let counts = LatencyCounts([50, 49, 0, 1])
        #expect(counts.quantile(0, buckets: buckets) == 1)
        #expect(counts.quantile(0.5, buckets: buckets) == 1)
        #expect(counts.quantile(0.51, buckets: buckets) == buckets.upperBound(of: 1))
        #expect(counts.quantile(0.99, buckets: buckets) == buckets.upperBound(of: 1))
        // The last bucket has no upper bound.
        #expect(counts.quantile(1, buckets: buckets) == buckets.upperBound(of: 2))
        #expect(LatencyCounts().quantile(0.5, buckets: buckets) == nil)
    }

    @Test func sidesAddUp() {
        var sum = SideCounts(calls: 2, failures: 1, firstByte: LatencyCounts([1]))
        sum += SideCounts(calls: 3, failures: 2, firstByte: LatencyCounts([0, 2]), duration: LatencyCounts([5]))
        #expect(
            sum == SideCounts(calls: 5, failures: 3, firstByte: LatencyCounts([1, 2]), duration: LatencyCounts([5])))
    }
}

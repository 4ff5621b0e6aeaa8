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

    @Test func sidesAddUp() {
        var sum = SideCounts(calls: 2, failures: 1, firstByte: LatencyCounts([1]))
        sum += SideCounts(calls: 3, failures: 2, firstByte: LatencyCounts([0, 2]), duration: LatencyCounts([5]))
        #expect(
            sum == SideCounts(calls: 5, failures: 3, firstByte: LatencyCounts([1, 2]), duration: LatencyCounts([5])))
    }
}

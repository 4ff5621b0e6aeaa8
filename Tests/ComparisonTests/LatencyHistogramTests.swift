import Comparison
import Testing

@Suite("Latency histogram") struct LatencyHistogramTests {
    @Test("A bound belongs to its bucket")
    func buckets() {
        var histogram = LatencyHistogram(bounds: [10, 20, 40])
        for time in [0, 10, 11, 20, 40, 41, .max / 2] { histogram.add(time) }
        #expect(histogram.counts == [2, 2, 1, 2] && histogram.count == 7)
        #expect(histogram.sum == 122 + .max / 2)
    }

    @Test("Histograms add up, also if their bounds are others")
    func adding() {
        var histogram = LatencyHistogram(bounds: [10, 20, 40])
        histogram.add(5)
        var same = histogram
        same.add(histogram)
        #expect(same.counts == [2, 0, 0, 0] && same.sum == 10)
        var other = LatencyHistogram(bounds: [15, 50])
        for time in [12, 30, 60] { other.add(time) }
        histogram.add(other)
        #expect(histogram.counts == [1, 1, 0, 2] && histogram.count == 4)
    }

    @Test("Without bounds there is one bucket")
    func empty() {
        var histogram = LatencyHistogram(bounds: [])
        histogram.add(3)
        #expect(histogram.counts == [1])
    }
}

import DataPlane
import Testing

@Suite struct LatencyRowTests {
    @Test func boundsAreARowOfQuarters() {
        let bounds = LatencyRow.bounds
        #expect(bounds.first == 100_000 && bounds.count == 63 && LatencyRow.count == 64)
        for (one, next) in zip(bounds, bounds.dropFirst()) { #expect(abs(Double(next) / Double(one) - 1.25) < 1e-4) }
    }

    /// A bucket closes with its bound.
    @Test func findsTheBucketOfATime() {
        #expect(LatencyRow.bucket(of: 0) == 0 && LatencyRow.bucket(of: .max) == LatencyRow.count - 1)
        for (index, bound) in LatencyRow.bounds.enumerated() {
            #expect(LatencyRow.bucket(of: bound) == index)
            #expect(LatencyRow.bucket(of: bound + 1) == index + 1)
            #expect(LatencyRow.bucket(of: bound - 1) == index)
        }
    }
}

import Analysis
import Testing

/// What a fixed threshold needs, beside `DetectionTests`: over 5 % failed of the last 100 calls, or their 99th percentile
/// over one and a half times the usual one.
@Suite struct FixedThresholdTests {
    private func found(_ threshold: FixedThreshold, runs: Int = 301) -> (share: Double, median: Int) {
        let calls = (0..<UInt64(runs)).map { threshold.run(seed: $0) ?? .max }.sorted()
        return (Double(calls.count { $0 < .max }) / Double(runs), calls[runs / 2])
    }

    @Test func failures() {
        var line = "fixed threshold, failing:"
        for failing in [1, 0.5, 0.1, 0.03] {
            let (share, median) = found(FixedThreshold(new: Service(failing: failing), calls: 10_000))
            line += " \(failing): \(median) (\(share))"
            #expect(median >= 100, "the window has to be full")
        }
        print(line)
        line = "fixed threshold, false returns in 10,000 good calls at a base rate of:"
        for base in [0.001, 0.01, 0.02] {
            line += " \(base): \(found(FixedThreshold(new: Service(failing: base), calls: 10_000)).share)"
        }
        print(line)
    }

    @Test func latencies() {
        for sigma in [0.5, 1] {
            // The 99th percentile is at 2.33 standard deviations.
            let usual = LatencyBuckets.standard.bucket(of: 0.02 * Self.exponential(2.326 * sigma) * 1.5)
            var line = "fixed threshold, latency, sigma \(sigma):"
            for factor in [2, 1.5, 1] {
                let (share, median) = found(
                    FixedThreshold(
                        new: Service(failing: 0.001, latency: .lognormal(median: 0.02 * factor, sigma: sigma)),
                        slowestBucket: usual, calls: 10_000))
                line += " x \(factor): \(median) (\(share))"
            }
            print(line)
        }
    }

    private static func exponential(_ x: Double) -> Double {
        // Few terms are enough: x is below 3.
        (1...40).reversed().reduce(1.0) { 1 + x / Double($1) * $0 }
    }
}

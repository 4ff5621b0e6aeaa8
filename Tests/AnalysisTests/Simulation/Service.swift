import Analysis

/// How a color answers one method's calls in a simulation.
struct Service: Sendable {
    /// The share of calls that fail.
    var failing: Double
    /// nil where latencies aren't simulated.
    var latency: LatencyShape?

    /// Adds a call to a side.
    ///
    /// - Parameters:
    ///   - failing: the share of this call, if it isn't the service's.
    ///   - slower: buckets by which the call is slower than the service's calls are.
    func call(
        _ side: inout SideCounts, _ random: inout SplitMix, failing: Double? = nil, slower: Int = 0
    ) {
        side.calls += 1
        if random.chance(failing ?? self.failing) { side.failures += 1 }
        if let latency {
            let bucket = min(LatencyBuckets.standard.count - 1, latency.bucket(&random) + slower)
            side.firstByte.add(bucket: bucket)
        }
    }
}

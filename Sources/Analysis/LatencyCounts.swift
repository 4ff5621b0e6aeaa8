/// Calls by the bucket of their latency (`LatencyBuckets`).
package struct LatencyCounts: Sendable, Codable, Equatable {
    /// The calls in each bucket; buckets beyond its end have none, so that a method without judged latencies costs
    /// nothing.
    package private(set) var counts: [UInt32]
    /// The calls in all buckets.
    package private(set) var total: Int

    package init(_ counts: [UInt32] = []) {
        self.counts = counts
        total = counts.reduce(0) { $0 + Int($1) }
    }

    package mutating func add(bucket: Int, calls: UInt32 = 1) {
        if bucket >= counts.count { counts += repeatElement(0, count: bucket + 1 - counts.count) }
        counts[bucket] += calls
        total += Int(calls)
    }

    /// The calls in a bucket and those after it.
    func total(from bucket: Int) -> Int {
        counts.dropFirst(max(0, bucket)).reduce(0) { $0 + Int($1) }
    }

    static func += (sum: inout LatencyCounts, other: LatencyCounts) {
        for (bucket, calls) in other.counts.enumerated() where calls > 0 { sum.add(bucket: bucket, calls: calls) }
    }

    /// What has come since `earlier`, an older state of the same counts.
    static func - (later: LatencyCounts, earlier: LatencyCounts) -> LatencyCounts {
        guard earlier.total > 0 else { return later }
        var counts = later.counts
        for (bucket, calls) in earlier.counts.enumerated() where bucket < counts.count {
            counts[bucket] -= min(calls, counts[bucket])
        }
        return LatencyCounts(counts)
    }
}

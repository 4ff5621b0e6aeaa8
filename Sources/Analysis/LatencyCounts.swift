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

    /// A bound that a part of the calls didn't exceed, in seconds: the upper bound of the bucket which the part's last
    /// call lies in. For the last bucket, which has none, its lower bound; nil without calls.
    ///
    /// - Parameter part: 0 to 1.
    package func quantile(_ part: Double, buckets: LatencyBuckets) -> Double? {
        guard total > 0 else { return nil }
        let wanted = max(1, (part * Double(total)).rounded(.up))
        var seen = 0
        for (bucket, calls) in counts.enumerated() {
            seen += Int(calls)
            if Double(seen) >= wanted { return buckets.upperBound(of: min(bucket, buckets.count - 2)) }
        }
        return nil
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

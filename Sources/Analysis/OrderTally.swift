/// Latencies of both sides by bucket, in calls or in keys; fractions where a key's calls are spread over buckets, or
/// where a bank of earlier calls is scaled down.
package struct OrderTally: Sendable, Codable, Equatable {
    private(set) var new: [Double] = []
    private(set) var old: [Double] = []

    package init() {}

    var isEmpty: Bool { new.isEmpty && old.isEmpty }

    /// Enters calls of a side, each with a weight.
    package mutating func add(_ side: Side, _ counts: LatencyCounts, weight: Double = 1) {
        switch side {
        case .new: Self.add(counts, weight, to: &new)
        case .old: Self.add(counts, weight, to: &old)
        }
    }

    private static func add(_ counts: LatencyCounts, _ weight: Double, to sums: inout [Double]) {
        guard counts.total > 0 else { return }
        if sums.count < counts.counts.count {
            sums += repeatElement(0, count: counts.counts.count - sums.count)
        }
        for (bucket, calls) in counts.counts.enumerated() where calls > 0 { sums[bucket] += weight * Double(calls) }
    }
}

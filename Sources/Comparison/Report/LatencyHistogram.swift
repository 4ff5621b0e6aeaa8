/// How long answers took, counted in buckets.
package struct LatencyHistogram: Sendable, Equatable, Codable {
    /// The buckets' upper bounds in nanoseconds, each included in its bucket; ascending.
    package let bounds: [Int]
    /// The answers in each bucket, and in one more for those above all bounds.
    package private(set) var counts: [Int]
    /// The sum of all times in nanoseconds.
    package private(set) var sum = 0

    /// - Precondition: the bounds ascend.
    package init(bounds: [Int]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    /// The number of answers.
    package var count: Int { counts.reduce(0, +) }

    /// - Parameter nanoseconds: 0 or more.
    package mutating func add(_ nanoseconds: Int) {
        counts[bucket(of: nanoseconds)] += 1
        sum &+= nanoseconds
    }

    /// Adds another histogram. If its bounds are others, as those of a saved one may be, each of its buckets is counted where its
    /// upper bound belongs.
    package mutating func add(_ other: LatencyHistogram) {
        for (place, count) in other.counts.enumerated() where count != 0 {
            counts[place < other.bounds.count ? bucket(of: other.bounds[place]) : bounds.count] += count
        }
        sum &+= other.sum
    }

    /// The first bucket whose bound isn't below the time.
    private func bucket(of nanoseconds: Int) -> Int {
        var (low, high) = (0, bounds.count)
        while low < high {
            let middle = (low + high) / 2
            if bounds[middle] < nanoseconds { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

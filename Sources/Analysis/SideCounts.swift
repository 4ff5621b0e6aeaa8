/// What one color has answered to one method, or to one key of it: whole numbers that only grow.
package struct SideCounts: Sendable, Codable, Equatable {
    /// Calls that count: those whose end says something about the color, good or bad.
    package var calls: Int
    /// Those of them that failed by the color's fault, 0 to `calls`.
    package var failures: Int
    /// Time to first byte, of the calls that had one and came after the endpoint's warm-up.
    package var firstByte: LatencyCounts
    /// Duration, of unary calls after the endpoint's warm-up.
    package var duration: LatencyCounts

    package init(
        calls: Int = 0, failures: Int = 0, firstByte: LatencyCounts = LatencyCounts(),
        duration: LatencyCounts = LatencyCounts()
    ) {
        self.calls = calls
        self.failures = failures
        self.firstByte = firstByte
        self.duration = duration
    }

    /// The times that a limit of their own is for: durations where most calls with a time were unary, else those to first byte.
    var limitedTimes: LatencyCounts { duration.total * 2 > firstByte.total ? duration : firstByte }

    package static func += (sum: inout SideCounts, other: SideCounts) {
        sum.calls += other.calls
        sum.failures += other.failures
        sum.firstByte += other.firstByte
        sum.duration += other.duration
    }

    /// What has come since `earlier`, an older state of the same counts.
    static func - (later: SideCounts, earlier: SideCounts) -> SideCounts {
        SideCounts(
            calls: max(0, later.calls - earlier.calls), failures: max(0, later.failures - earlier.failures),
            firstByte: later.firstByte - earlier.firstByte, duration: later.duration - earlier.duration)
    }
}

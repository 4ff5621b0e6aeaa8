/// The row of buckets in which the workers count times to first byte and durations.
package enum LatencyRow {
    /// Upper bounds of the buckets in nanoseconds, all but the last one's: 0.1 ms and then a quarter more each time, so that
    /// a factor of 1.25 is one bucket.
    package static let bounds: [UInt64] = (0..<63).map { index in
        var bound = 100_000.0
        for _ in 0..<index { bound *= 1.25 }
        return UInt64(bound)
    }
    /// How many buckets there are.
    package static let count = bounds.count + 1

    /// The bucket of a time in nanoseconds.
    package static func bucket(of time: UInt64) -> Int { bounds.firstIndex { time <= $0 } ?? bounds.count }
}

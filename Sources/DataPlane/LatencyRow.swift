/// The row of buckets in which the workers count times to first byte.
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

    /// By the number of binary digits: the first bucket that such a number of nanoseconds can lie in. At most four buckets
    /// begin before the next number of digits, so that no search is needed.
    private static let starts: [Int] = (0...64).map { digits in
        let least: UInt64 = digits == 0 ? 0 : 1 << UInt64(digits - 1)
        return bounds.firstIndex { least <= $0 } ?? bounds.count
    }

    /// The bucket of a time in nanoseconds.
    @inline(__always)
    package static func bucket(of time: UInt64) -> Int {
        var bucket = starts[64 - time.leadingZeroBitCount]
        while bucket < bounds.count, time > bounds[bucket] { bucket += 1 }
        return bucket
    }
}

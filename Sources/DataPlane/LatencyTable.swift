/// The buckets of `LatencyRow` as a worker looks them up, without a search. Confined to the worker's thread.
///
/// Soundness: both pointers are valid for as long as the table is, and no index goes beyond what is in them: a number has at
/// most 64 digits, and the last bound is above every number.
@safe
struct LatencyTable: ~Copyable {
    /// The upper bounds of all buckets.
    private let bounds: UnsafeMutablePointer<UInt64>
    /// By the number of binary digits: the first bucket that such a number of nanoseconds can lie in. At most four buckets
    /// begin before the next number of digits.
    private let starts: UnsafeMutablePointer<Int>

    init() {
        unsafe bounds = .allocate(capacity: LatencyRow.count)
        unsafe starts = .allocate(capacity: 65)
        for bucket in 0..<LatencyRow.count {
            unsafe bounds[bucket] = bucket < LatencyRow.bounds.count ? LatencyRow.bounds[bucket] : .max
        }
        for digits in 0...64 {
            let least: UInt64 = digits == 0 ? 0 : 1 << UInt64(digits - 1)
            unsafe starts[digits] = LatencyRow.bucket(of: least)
        }
    }

    deinit {
        unsafe bounds.deallocate()
        unsafe starts.deallocate()
    }

    /// The bucket of a time in nanoseconds.
    @inline(__always)
    func bucket(of time: UInt64) -> Int {
        var bucket = unsafe starts[64 &- time.leadingZeroBitCount]
        while unsafe time > bounds[bucket] { bucket &+= 1 }
        return bucket
    }
}

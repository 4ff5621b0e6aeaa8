/// The buckets (`LatencyRow`) of a call's times, as far as they count.
struct CallBuckets {
    /// That of the time to first byte.
    var firstByte: Int
    /// That of the duration, if the call was unary.
    var duration: Int?
}

import EventLoop

/// An endpoint's first calls, whose times say nothing of the others: what is new is slow at first.
///
/// Those are not only the first ones that end: of many calls that begin at once, all wait for the first connection, the
/// first compilation, the first page of memory. So a time counts if its call began after the warm-up was over. Pure.
struct WarmUp: Equatable, Sendable {
    private var calls = 0
    private var overSince: MonotonicTime?

    /// Takes a call that has ended.
    ///
    /// - Returns: whether its time counts.
    @inline(__always)
    mutating func admits(_ call: Call, _ now: MonotonicTime) -> Bool {
        if let overSince { return call.began >= overSince }
        calls += 1
        if calls >= StepStatistics.warmUp { overSince = now }
        return false
    }
}

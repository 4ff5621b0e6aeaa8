import EventLoop

/// The pause between tries that fail: doubled after each failure, up to a limit, with some jitter so that many who fail
/// together don't try again together.
package struct Backoff {
    /// The nominal pause after the first failure.
    package var shortest: Duration
    /// The longest nominal pause.
    package var longest: Duration
    /// Failures since the last success.
    package private(set) var failures = 0

    package init(shortest: Duration, longest: Duration) {
        self.shortest = shortest
        self.longest = longest
    }

    /// Records a success: the next pause is the shortest again.
    package mutating func succeeded() {
        failures = 0
    }

    /// - Returns: the pause before the next try, within a fifth of its nominal length.
    package mutating func failed(using random: inout some RandomNumberGenerator) -> Duration {
        // 2^20 times the shortest pause is beyond any sensible limit.
        let nominal = min(longest, shortest * (1 << min(failures, 20)))
        failures += 1
        return nominal * Double.random(in: 0.8...1.2, using: &random)
    }
}

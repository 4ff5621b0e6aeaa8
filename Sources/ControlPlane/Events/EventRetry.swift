import DataPlane

/// When an event that could not be delivered is tried again. Pure: randomness goes in.
package struct EventRetry: Sendable {
    /// The longest pause that a receiver may ask for: an event is of no use when it is old.
    package static let longestAskedFor = Duration.seconds(300)

    private var backoff = Backoff(shortest: .milliseconds(500), longest: .seconds(25))

    package init() {}

    /// Failures since the last success.
    package var failures: Int { backoff.failures }

    /// Records that the receiver has answered.
    package mutating func succeeded() { backoff.succeeded() }

    /// - Parameter retryAfter: what the receiver has asked for, in seconds.
    /// - Returns: the pause before the next try: at most 30 s, unless the receiver asks for more.
    package mutating func failed(
        retryAfter: Int?, using random: inout some RandomNumberGenerator
    ) -> Duration {
        let pause = backoff.failed(using: &random)
        guard let retryAfter, retryAfter > 0 else { return pause }
        return max(pause, min(.seconds(retryAfter), Self.longestAskedFor))
    }
}

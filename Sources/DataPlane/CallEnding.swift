import EventLoop

/// Ends calls for good reasons of the Proxy's own, without sending all their clients back at the same instant.
enum CallEnding {
    /// Within which a client is asked to wait before it tries again.
    static let mostPushback = Duration.seconds(2)

    /// A moment within `spread` from now, at random.
    static func deadline(
        within spread: Duration, from now: MonotonicTime, using random: inout some RandomNumberGenerator
    ) -> MonotonicTime {
        now + .nanoseconds(Int64.random(in: 0...Int64(clamping: spread.clampedNanoseconds), using: &random))
    }
}

extension Failure {
    /// The end of a call that is nobody's fault, with a wait at random before the next try.
    static func ended(
        _ kind: Kind, _ message: String, using random: inout some RandomNumberGenerator
    ) -> Failure {
        let most = CallEnding.mostPushback.clampedNanoseconds / 1_000_000
        return Failure(
            kind: kind, message: message,
            retryPushback: .milliseconds(Int64.random(in: 0...Int64(most), using: &random)))
    }
}

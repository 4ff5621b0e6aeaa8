import EventLoop

extension ProxyAnswer {
    /// Within which a client is asked to wait before it tries again.
    static let mostPushback = Duration.seconds(2)

    /// The end of a call that is nobody's fault, with a wait at random before the next try.
    static func ended(
        _ kind: Kind, _ message: String, using random: inout some RandomNumberGenerator
    ) -> ProxyAnswer {
        let most = mostPushback.clampedNanoseconds / 1_000_000
        return ProxyAnswer(
            kind: kind, message: message,
            retryPushback: .milliseconds(Int64.random(in: 0...Int64(most), using: &random)))
    }
}

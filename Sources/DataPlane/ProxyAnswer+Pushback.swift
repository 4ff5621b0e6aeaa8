import EventLoop

extension ProxyAnswer {
    /// The longest time that a client is asked to wait before it tries again.
    package static let mostPushback = Duration.seconds(2)

    /// The answer to a call that ends through nobody's fault, with a random wait before the next try.
    package static func ended(
        _ kind: Kind, _ message: String, using random: inout some RandomNumberGenerator
    ) -> ProxyAnswer {
        let most = mostPushback.clampedNanoseconds / 1_000_000
        return ProxyAnswer(
            kind: kind, message: message,
            retryPushback: .milliseconds(Int64.random(in: 0...Int64(most), using: &random)))
    }
}

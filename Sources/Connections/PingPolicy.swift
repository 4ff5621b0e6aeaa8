import EventLoop

/// The server's side of gRPC's keepalive (gRFC A8): a client that sends PINGs too often is asked to calm down.
package struct PingPolicy {
    /// A PING that follows the last one sooner than this is too early: nine tenths of the interval, because the network
    /// and a busy turn make a client that keeps to it exactly seem a little early as often as late.
    private let leastInterval: Duration
    private var strikes = 0
    private var lastPing: MonotonicTime?

    /// PINGs sent too early that are forgiven until something is sent to the client.
    private static let mostStrikes = 2

    /// - Parameter minimumInterval: the interval that clients are asked to keep to; a tenth of it is slack.
    package init(minimumInterval: Duration) {
        leastInterval = minimumInterval * 9 / 10
    }

    /// Forgives earlier PINGs, as HEADERS or DATA were sent: clients measure the bandwidth with PINGs while data flows.
    package mutating func sentData() {
        strikes = 0
        lastPing = nil
    }

    /// - Returns: whether the connection may go on.
    package mutating func received(now: MonotonicTime) -> Bool {
        defer { lastPing = now }
        guard let lastPing, now < lastPing + leastInterval else { return true }
        strikes += 1
        return strikes <= Self.mostStrikes
    }
}

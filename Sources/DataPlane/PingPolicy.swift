import EventLoop

/// The server's side of gRPC's keepalive (gRFC A8): a client that sends PINGs too often is asked to calm down.
package struct PingPolicy {
    /// Nearer together than this is too early: nine tenths of the interval, as a client that keeps to it exactly is a little
    /// early as often as late by the time that the network, and a busy turn of the loop, have taken.
    private let leastInterval: Duration
    private var strikes = 0
    private var lastPing: MonotonicTime?

    /// PINGs too early that are forgiven until something is sent to the client.
    private static let mostStrikes = 2

    /// - Parameter minimumInterval: what clients are asked to keep to; a tenth of it is slack.
    package init(minimumInterval: Duration) {
        leastInterval = minimumInterval * 9 / 10
    }

    /// HEADERS or DATA were sent: clients measure the bandwidth with PINGs while data flows.
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

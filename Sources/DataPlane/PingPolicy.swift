import EventLoop

/// The server's side of gRPC's keepalive (gRFC A8): a client that sends PINGs too often is asked to calm down.
package struct PingPolicy {
    private let minimumInterval: Duration
    private var strikes = 0
    private var lastPing: MonotonicTime?

    /// PINGs too early that are forgiven until something is sent to the client.
    private static let mostStrikes = 2

    package init(minimumInterval: Duration) {
        self.minimumInterval = minimumInterval
    }

    /// HEADERS or DATA were sent: clients measure the bandwidth with PINGs while data flows.
    package mutating func sentData() {
        strikes = 0
        lastPing = nil
    }

    /// - Returns: whether the connection may go on.
    package mutating func received(now: MonotonicTime) -> Bool {
        defer { lastPing = now }
        guard let lastPing, now < lastPing + minimumInterval else { return true }
        strikes += 1
        return strikes <= Self.mostStrikes
    }
}

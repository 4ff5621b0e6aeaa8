import EventLoop

/// Bounds on the resources of a connection, and on those of its peer.
package struct ConnectionLimits: Sendable {
    /// Streams that a client may have open on one connection.
    package var maxConcurrentStreams = 100
    /// Bytes of one stream that may wait here in one direction, before its window grows with the measured
    /// bandwidth and distance.
    package var streamWindow = 65_535
    /// Bytes of one client connection's responses that may wait here, before windows grow.
    package var connectionWindow = 1 << 20

    /// Bytes of all streams of a connection that a peer may have under way, 65,535 or more. The streams' own windows
    /// bound how much of that waits here.
    package var sharedWindow = 16 << 20

    /// Bytes by which the windows of one client connection may grow altogether in one direction: enough for one stream
    /// of 100 MB/s over 20 ms.
    package var mostGrownWindows: Int { 3 * connectionWindow }

    /// Bytes of a header list, counted as in RFC 9113, section 6.5.2.
    package var maxHeaderListSize = 16_384
    /// Fields in a header list.
    package var maxHeaderFields = 100
    /// Streams of one connection in a row that may end by a reset.
    package var resetBudget = 200
    /// Time that forgives one of them.
    package var resetRefill: Duration = .milliseconds(100)
    /// Clients without a budget beyond those of their connections: load balancers, which carry many clients' calls.
    package var trustedPeers: [AddressRange] = []
    /// Addresses whose connections begin with a PROXY header (version 2), which names the client.
    package var proxyProtocol: [AddressRange] = []
    /// Frames of one connection that may move nothing, beyond those that come with data.
    package var controlFrameBudget = 1_000
    /// Least time between two PINGs of a client that is sent nothing meanwhile. gRPC clients keep to ten seconds or
    /// more (gRFC A8); half of that leaves room for what the network does to their spacing.
    package var minPingInterval: Duration = .seconds(5)
    /// Client connections in total.
    package var maxConnections = 10_000
    /// Time until a client has sent its connection preface and SETTINGS.
    package var prefaceTimeout: Duration = .seconds(10)
    /// Time from the beginning of a header block to its end.
    package var headerTimeout: Duration = .seconds(10)
    /// Time for which a connection may take nothing of what waits for it.
    package var writeTimeout: Duration = .seconds(60)
    /// Time for which a client's connection may carry no call before it is ended with GOAWAY; `nil` for ever.
    package var idleTimeout: Duration? = .seconds(180)
    /// Time for the answer to a PING that asks whether the peer is there.
    package var keepaliveTimeout: Duration = .seconds(10)
    /// Time for a client to answer the PING between the two GOAWAYs of a shutdown.
    package var goAwayTimeout: Duration = .seconds(5)

    package init() {}
}

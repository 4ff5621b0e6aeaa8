import Ground
import TLS

/// How the data plane is set up.
package struct DataPlaneConfiguration: Sendable {
    /// At least one for each color.
    package var endpoints: PerColor<[Endpoint]>
    /// Event loops, each on a thread of its own: 1 or more.
    package var workers: Int
    /// How long a worker waits for more without sleeping, zero for not at all.
    package var busyPoll: Duration
    package var accessLog: AccessLogDestination
    /// At first; `DataPlane.publish` changes them, and `failover`.
    package var limits: DataPlaneLimits
    /// Whether new calls go to the other color while none of the active one's endpoints is healthy.
    package var failover: Bool
    /// What clients are shown; `nil` for plaintext.
    package var tls: TLSContext?
    /// How upstreams are spoken to; `nil` for plaintext.
    package var upstreamTLS: TLSContext?

    /// Whether upstreams are told, by `x-forwarded-client-cert`, who a client is by its verified certificate. What clients
    /// send by that name never passes, either way.
    package var forwardsClientIdentity: Bool

    package init(
        endpoints: PerColor<[Endpoint]>, workers: Int, busyPoll: Duration = .zero,
        accessLog: AccessLogDestination = .off,
        limits: DataPlaneLimits = DataPlaneLimits(), failover: Bool = false, tls: TLSContext? = nil,
        upstreamTLS: TLSContext? = nil, forwardsClientIdentity: Bool = false
    ) {
        self.endpoints = endpoints
        self.workers = workers
        self.busyPoll = busyPoll
        self.accessLog = accessLog
        self.limits = limits
        self.failover = failover
        self.tls = tls
        self.upstreamTLS = upstreamTLS
        self.forwardsClientIdentity = forwardsClientIdentity
    }
}

/// Where the access log goes.
package enum AccessLogDestination: Sendable, Hashable {
    case off
    case standardOutput
    /// Appended to; made if it isn't there.
    case file(path: String)
}

/// Bounds on what a call, a connection or a worker may take.
package struct DataPlaneLimits: Sendable {
    /// Streams a client may have open on one connection.
    package var maxConcurrentStreams = 100
    /// Bytes of one stream that may wait in the Proxy in one direction, before its window grows with the bandwidth and the
    /// distance that are measured.
    package var streamWindow = 65_535
    /// Bytes of responses of one client connection that may wait in the Proxy, before windows grow.
    package var connectionWindow = 1 << 20

    /// Bytes of all streams of a connection that a peer may have under way, 65,535 or more: how much of it waits here, the
    /// streams' own windows bound.
    package var sharedWindow = 16 << 20

    /// The window with which a stream to an upstream begins.
    var upstreamStreamWindow: Int {
        WindowAllowance.base(total: connectionWindow, streams: maxConcurrentStreams, full: streamWindow)
    }

    /// By how much the windows of one client connection may grow altogether in one direction: enough for one stream of
    /// 100 MB/s over 20 ms.
    package var mostGrownWindows: Int { 3 * connectionWindow }

    /// Bytes by which all windows of one worker may grow altogether.
    package var windowBudget: Int { maxBufferedBytes / 4 }

    /// Size of a header list, as RFC 9113, section 6.5.2 counts it.
    package var maxHeaderListSize = 16_384
    /// Fields in a header list.
    package var maxHeaderFields = 100
    /// Streams of one connection in a row that may end by a reset, and the time that forgives one.
    package var resetBudget = 200
    package var resetRefill: Duration = .milliseconds(100)
    /// Clients that have no budget of their own beyond their connections': load balancers, which carry many clients' calls.
    package var trustedPeers: [AddressRange] = []
    /// From where connections begin with a PROXY header (version 2), which names the client.
    package var proxyProtocol: [AddressRange] = []
    /// Frames of one connection that may move nothing, beyond those that come with data.
    package var controlFrameBudget = 1_000
    /// Between two PINGs of a client that is sent nothing meanwhile. gRPC clients keep to ten seconds or more (gRFC A8);
    /// half of that leaves room for what the network does to their spacing.
    package var minPingInterval: Duration = .seconds(5)
    /// Client connections in all.
    package var maxConnections = 10_000
    /// Bytes that the calls of one worker may take, with bodies that wait and header lists; beyond that, new calls are
    /// refused.
    package var maxBufferedBytes = 256 << 20
    /// Bytes of a request's body that are kept until the response begins, for one more try elsewhere.
    package var maxReplayBytes = 65_536
    /// Streams on one upstream connection, where the upstream allows that many.
    package var maxUpstreamStreams = 1_000
    /// Connections of one worker to one endpoint.
    package var maxUpstreamConnections = 256
    /// RST_STREAM on one upstream connection within 30 s. Servers end a connection for more: swift-nio-http2 and Netty for 200,
    /// whoever's calls they end.
    package var upstreamResets = 80
    /// Calls of one worker that wait for a place at one endpoint, and for how long.
    package var maxWaiting = 10_000
    package var waitTimeout: Duration = .seconds(30)
    /// Whether clients are told the addresses of backends and what is wrong with them.
    package var revealsUpstream = false
    /// From the first try to connect until the upstream's SETTINGS, for each address.
    package var connectTimeout: Duration = .seconds(5)
    /// Until a client has sent its connection preface and SETTINGS.
    package var prefaceTimeout: Duration = .seconds(10)
    /// From the beginning of a header block to its end.
    package var headerTimeout: Duration = .seconds(10)
    /// How long a connection may take nothing of what waits for it.
    package var writeTimeout: Duration = .seconds(60)
    /// How long a client's connection may carry no call, until it is ended with GOAWAY; `nil` for ever.
    package var idleTimeout: Duration? = .seconds(180)
    /// How long a stream may carry nothing in either direction; `nil` for ever.
    package var streamIdleTimeout: Duration?
    /// What a call gets beyond its own `grpc-timeout`, before the Proxy ends it.
    package var deadlineGrace: Duration = .seconds(1)
    /// After which silence an upstream with calls on it is sent a PING; `nil` for never. gRPC servers allow one in five
    /// minutes unless they are told otherwise, and end the connection of who sends more (gRFC A8).
    package var upstreamKeepalive: Duration? = .seconds(330)
    /// How long it may take to answer.
    package var upstreamKeepaliveTimeout: Duration = .seconds(10)
    /// Failures in a row (calls lost, connections not made) after which one worker passes an endpoint over, where there
    /// are others, and for how long.
    package var ejectionThreshold = 5
    package var ejectionTime: Duration = .seconds(10)
    /// Between tries to connect to an endpoint: doubled with each failure, with a jitter of a fifth either way.
    package var minConnectBackoff: Duration = .milliseconds(50)
    package var maxConnectBackoff: Duration = .seconds(1)
    /// How long a client may take to answer the PING between the two GOAWAYs of a shutdown.
    package var goAwayTimeout: Duration = .seconds(5)

    package init() {}
}

/// Something worth a line in the log.
package struct DataPlaneEvent: Sendable {
    package enum Severity: Sendable {
        case info
        case warning
        case error
    }

    package var severity: Severity
    package var message: String
    package var details: [(name: String, value: String)]

    package init(_ severity: Severity, _ message: String, _ details: [(name: String, value: String)] = []) {
        self.severity = severity
        self.message = message
        self.details = details
    }
}

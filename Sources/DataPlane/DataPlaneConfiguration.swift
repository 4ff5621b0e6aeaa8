import Ground
import TLS

/// The settings that the data plane is made with.
package struct DataPlaneConfiguration: Sendable {
    /// The upstreams, at least one for each color.
    package var endpoints: PerColor<[Endpoint]>
    /// Number of event loops, each on a thread of its own: 1 or more.
    package var workers: Int
    /// Time for which a worker waits for more without sleeping; zero to sleep at once.
    package var busyPoll: Duration
    /// The destination of the access log.
    package var accessLog: AccessLogDestination
    /// Initial limits; `DataPlane.publish` changes them and `failover`.
    package var limits: DataPlaneLimits
    /// Whether new calls go to the other color while none of the active color's endpoints is healthy.
    package var failover: Bool
    /// The certificates shown to clients; `nil` for plaintext.
    package var tls: TLSContext?
    /// The TLS settings for connections to upstreams; `nil` for plaintext.
    package var upstreamTLS: TLSContext?

    /// Whether upstreams are told, in `x-forwarded-client-cert`, the identity in a client's verified certificate.
    /// Fields of that name sent by clients never pass, either way.
    package var forwardsClientIdentity: Bool

    /// The name of the metadata by which a call may name its color, in lower case; `nil` if none may.
    package var routeMetadata: String?
    /// Whether the head of a response says which color it comes from, and under which epoch.
    package var announces: Bool
    /// What calls have in common that a release keeps on one color.
    package var stickyKey: StickyKey
    /// What may be copied while a release is in a shadow step.
    package var copies: CopySettings

    package init(
        endpoints: PerColor<[Endpoint]>, workers: Int, busyPoll: Duration = .zero,
        accessLog: AccessLogDestination = .off,
        limits: DataPlaneLimits = DataPlaneLimits(), failover: Bool = false, tls: TLSContext? = nil,
        upstreamTLS: TLSContext? = nil, forwardsClientIdentity: Bool = false, routeMetadata: String? = nil,
        announces: Bool = false, stickyKey: StickyKey = .none, copies: CopySettings = CopySettings()
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
        self.routeMetadata = routeMetadata
        self.announces = announces
        self.stickyKey = stickyKey
        self.copies = copies
    }
}

/// Destination of the access log.
package enum AccessLogDestination: Sendable, Hashable {
    case off
    case standardOutput
    /// Appended to the file, which is made if it doesn't exist.
    case file(path: String)

    /// The file's path; `nil` if it goes to none.
    package var path: String? {
        if case .file(let path) = self { path } else { nil }
    }
}

/// Bounds on the resources of a call, a connection or a worker.
package struct DataPlaneLimits: Sendable {
    /// Streams that a client may have open on one connection.
    package var maxConcurrentStreams = 100
    /// Bytes of one stream that may wait in the Proxy in one direction, before its window grows with the measured
    /// bandwidth and distance.
    package var streamWindow = 65_535
    /// Bytes of one client connection's responses that may wait in the Proxy, before windows grow.
    package var connectionWindow = 1 << 20

    /// Bytes of all streams of a connection that a peer may have under way, 65,535 or more. The streams' own windows
    /// bound how much of that waits here.
    package var sharedWindow = 16 << 20

    /// Bytes of the window that a stream to an upstream begins with.
    var upstreamStreamWindow: Int {
        WindowAllowance.base(total: connectionWindow, streams: maxConcurrentStreams, full: streamWindow)
    }

    /// Bytes by which the windows of one client connection may grow altogether in one direction: enough for one stream
    /// of 100 MB/s over 20 ms.
    package var mostGrownWindows: Int { 3 * connectionWindow }

    /// Bytes by which all windows of one worker may grow altogether.
    package var windowBudget: Int { maxBufferedBytes / 4 }

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
    /// Bytes that the calls of one worker may hold, including waiting bodies and header lists; beyond that, new calls
    /// are refused.
    package var maxBufferedBytes = 256 << 20
    /// Bytes of a request's body that are kept until the response begins, for one more try elsewhere.
    package var maxReplayBytes = 65_536
    /// Streams on one upstream connection, if the upstream allows that many.
    package var maxUpstreamStreams = 1_000
    /// Connections of one worker to one endpoint.
    package var maxUpstreamConnections = 256
    /// RST_STREAM frames on one upstream connection within 30 s. Servers end a connection over more, whichever clients
    /// its calls belong to: swift-nio-http2 and Netty over 200.
    package var upstreamResets = 80
    /// Calls of one worker that may wait for a place at one endpoint.
    package var maxWaiting = 10_000
    /// Longest time that a call may wait for a place at an endpoint.
    package var waitTimeout: Duration = .seconds(30)
    /// Whether clients are told the addresses of upstreams and what is wrong with them.
    package var revealsUpstream = false
    /// Time from the first try to connect until the upstream's SETTINGS, for each address.
    package var connectTimeout: Duration = .seconds(5)
    /// Time until a client has sent its connection preface and SETTINGS.
    package var prefaceTimeout: Duration = .seconds(10)
    /// Time from the beginning of a header block to its end.
    package var headerTimeout: Duration = .seconds(10)
    /// Time for which a connection may take nothing of what waits for it.
    package var writeTimeout: Duration = .seconds(60)
    /// Time for which a client's connection may carry no call before it is ended with GOAWAY; `nil` for ever.
    package var idleTimeout: Duration? = .seconds(180)
    /// Time for which a stream may carry nothing in either direction; `nil` for ever.
    package var streamIdleTimeout: Duration?
    /// Time that a call gets beyond its own `grpc-timeout`, before the Proxy ends it.
    package var deadlineGrace: Duration = .seconds(1)
    /// Silence after which an upstream with calls on it is sent a PING; `nil` for never. gRPC servers allow one in five
    /// minutes unless configured otherwise, and end the connection of a client that sends more (gRFC A8).
    package var upstreamKeepalive: Duration? = .seconds(330)
    /// Time for the answer to such a PING.
    package var upstreamKeepaliveTimeout: Duration = .seconds(10)
    /// Failures in a row (calls lost, connections not made) after which one worker passes an endpoint over, if there
    /// are others.
    package var ejectionThreshold = 5
    /// Time for which such an endpoint is passed over.
    package var ejectionTime: Duration = .seconds(10)
    /// Nominal pause after the first failed try to connect to an endpoint. It is doubled with each further failure, and
    /// a jitter of a fifth either way is added.
    package var minConnectBackoff: Duration = .milliseconds(50)
    /// Longest nominal pause between tries to connect to an endpoint.
    package var maxConnectBackoff: Duration = .seconds(1)
    /// Time for a client to answer the PING between the two GOAWAYs of a shutdown.
    package var goAwayTimeout: Duration = .seconds(5)

    package init() {}
}

/// An event worth a line in the log.
package struct DataPlaneEvent: Sendable {
    /// The level of a log line.
    package enum Severity: Sendable {
        case info
        case warning
        case error
    }

    /// The level of the line.
    package var severity: Severity
    /// The event in a few words, without its details: a constant for each kind of event.
    package var message: String
    /// Further fields of the line, in order.
    package var details: [(name: String, value: String)]

    package init(_ severity: Severity, _ message: String, _ details: [(name: String, value: String)] = []) {
        self.severity = severity
        self.message = message
        self.details = details
    }
}

import Connections
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
@dynamicMemberLookup
package struct DataPlaneLimits: Sendable {
    /// Those of clients' connections.
    package var connections = ConnectionLimits()

    /// Bytes of the window that a stream to an upstream begins with.
    var upstreamStreamWindow: Int {
        WindowAllowance.base(
            total: connections.connectionWindow, streams: connections.maxConcurrentStreams,
            full: connections.streamWindow)
    }

    /// Bytes by which all windows of one worker may grow altogether.
    package var windowBudget: Int { maxBufferedBytes / 4 }
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
    /// Time for which a stream may carry nothing in either direction; `nil` for ever.
    package var streamIdleTimeout: Duration?
    /// Time that a call gets beyond its own `grpc-timeout`, before the Proxy ends it.
    package var deadlineGrace: Duration = .seconds(1)
    /// Silence after which an upstream with calls on it is sent a PING; `nil` for never. gRPC servers allow one in five
    /// minutes unless configured otherwise, and end the connection of a client that sends more (gRFC A8).
    package var upstreamKeepalive: Duration? = .seconds(330)
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

    package init() {}

    /// A connection's limits can be named as if they were the data plane's own.
    package subscript<Value>(dynamicMember path: any WritableKeyPath<ConnectionLimits, Value> & Sendable) -> Value {
        get { connections[keyPath: path] }
        set { connections[keyPath: path] = newValue }
    }
    package subscript<Value>(dynamicMember path: any KeyPath<ConnectionLimits, Value> & Sendable) -> Value {
        connections[keyPath: path]
    }
}

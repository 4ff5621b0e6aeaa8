/// How the data plane is set up. All of it is fixed for the life of the process.
package struct DataPlaneConfiguration: Sendable {
    /// Where clients connect; port 0 takes any free port.
    package var listen: Endpoint
    /// At least one for each color.
    package var endpoints: PerColor<[Endpoint]>
    /// Event loops, each on a thread of its own: 1 or more.
    package var workers: Int
    package var accessLog: AccessLogDestination
    package var limits: DataPlaneLimits

    package init(
        listen: Endpoint, endpoints: PerColor<[Endpoint]>, workers: Int, accessLog: AccessLogDestination = .off,
        limits: DataPlaneLimits = DataPlaneLimits()
    ) {
        self.listen = listen
        self.endpoints = endpoints
        self.workers = workers
        self.accessLog = accessLog
        self.limits = limits
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
    package var maxConcurrentStreams: UInt32 = 100
    /// Bytes of one stream that may wait in the Proxy in one direction.
    package var streamWindow: Int32 = 65_535
    /// Bytes of all streams of one client connection that may wait on their way to the upstreams.
    package var connectionWindow: Int32 = 1 << 20
    /// Size of a header list, as RFC 9113, section 6.5.2 counts it.
    package var maxHeaderListSize = 16_384
    /// Bytes of a request's body that are kept until the response begins, for one more try elsewhere.
    package var maxReplayBytes = 65_536
    /// Streams on one upstream connection, where the upstream allows that many.
    package var maxStreamsPerUpstreamConnection = 1_000
    /// Connections of one worker to one endpoint.
    package var maxConnectionsPerEndpoint = 256
    /// From the first try to connect until the upstream's SETTINGS, for each address.
    package var connectTimeout: Duration = .seconds(5)
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

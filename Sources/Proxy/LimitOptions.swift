import ArgumentParser
import Settings

/// The flags of the limits.
struct LimitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Streams a client may have open on one connection. Default: 100.", valueName: "N"))
    var maxConcurrentStreams: String?

    @Option(
        help: ArgumentHelp(
            "Client connections in all; beyond it, further ones wait to be accepted. Default: 10000.", valueName: "N"))
    var maxConnections: String?

    @Option(
        help: ArgumentHelp(
            """
            Bytes of one stream that may wait in the Proxy in one direction, before its window grows with the bandwidth \
            and the distance. Default: 65535.
            """, valueName: "BYTES"))
    var streamWindow: String?

    @Option(
        help: ArgumentHelp(
            """
            Bytes of responses of one client connection that may wait in the Proxy, before windows grow with what their \
            readers take, to three times as much at most. Default: 1048576.
            """, valueName: "BYTES"))
    var connectionWindow: String?

    @Option(
        help: ArgumentHelp(
            """
            Size of a header list, names and values and 32 for each field; beyond it the call fails. \
            Default: 16384.
            """, valueName: "BYTES"))
    var maxHeaderListSize: String?

    @Option(
        help: ArgumentHelp("Fields in a header list, as --max-header-list-size. Default: 100.", valueName: "N"))
    var maxHeaderFields: String?

    @Option(
        help: ArgumentHelp(
            """
            Streams in a row that may be reset on a client's connection, before it is closed, and on those of its peer \
            together, before new ones begin with few streams. Default: 200.
            """, valueName: "N"))
    var resetBudget: String?

    @Option(help: ArgumentHelp("The time that forgives one reset. Default: 100ms.", valueName: "DURATION"))
    var resetRefill: String?

    @Option(
        help: ArgumentHelp(
            """
            Clients without a budget of their own beyond their connections': load balancers that carry many clients' \
            calls. Default: none.
            """, valueName: "CIDR[,CIDR…]"))
    var trustedPeers: String?

    @Option(
        help: ArgumentHelp(
            """
            Load balancers whose connections must begin with a PROXY header of version 2, which names the client; from \
            elsewhere none is accepted. Default: none.
            """, valueName: "CIDR[,CIDR…]"))
    var proxyProtocol: String?

    @Option(
        help: ArgumentHelp(
            "Frames that move nothing before a connection is closed, beyond those that come with data. Default: 1000.",
            valueName: "N"))
    var controlFrameBudget: String?

    @Option(
        help: ArgumentHelp(
            "Between two PINGs of a client that is sent nothing meanwhile; the third too early ends it. Default: 5s.",
            valueName: "DURATION"))
    var minPingInterval: String?

    @Option(
        help: ArgumentHelp(
            """
            Bytes that a worker's calls may hold. From three quarters of it on streams are ended: what has been shut \
            longest, of the peer that pins most. Default: 268435456.
            """, valueName: "BYTES"))
    var maxBufferedBytes: String?

    @Option(
        help: ArgumentHelp(
            "Bytes of a request's body that are kept for a second try elsewhere. Default: 65536.", valueName: "BYTES"))
    var maxReplayBytes: String?

    @Option(
        help: ArgumentHelp(
            "Streams on one connection to a backend, where the backend allows that many. Default: 1000.",
            valueName: "N"))
    var maxUpstreamStreams: String?

    @Option(help: ArgumentHelp("Connections of a worker to one endpoint. Default: 256.", valueName: "N"))
    var maxUpstreamConnections: String?

    @Option(
        help: ArgumentHelp(
            """
            Streams of one connection to a backend that are reset within 30 s; after half as many another connection takes \
            its place. Default: 80.
            """, valueName: "N"))
    var upstreamResets: String?

    @Option(
        help: ArgumentHelp(
            "Calls of a worker that wait for a place at one endpoint; beyond it who has most there is refused. Default: 10000.",
            valueName: "N"))
    var maxWaiting: String?

    @Option(
        help: ArgumentHelp("How long a call waits for a place at an endpoint. Default: 30s.", valueName: "DURATION"))
    var waitTimeout: String?

    @Option(
        help: ArgumentHelp(
            """
            Whether clients are told addresses of backends and what is wrong with them, and not only the log. Default: off.
            """, valueName: "on|off"))
    var revealUpstream: String?

    @Option(
        help: ArgumentHelp(
            "Until a backend has accepted a connection and sent its SETTINGS, for each address. Default: 5s.",
            valueName: "DURATION"))
    var connectTimeout: String?

    @Option(
        help: ArgumentHelp("Until a client has sent its preface and SETTINGS. Default: 10s.", valueName: "DURATION"))
    var prefaceTimeout: String?

    @Option(help: ArgumentHelp("From the beginning of a header block to its end. Default: 10s.", valueName: "DURATION"))
    var headerTimeout: String?

    @Option(
        help: ArgumentHelp(
            """
            How long a connection may take nothing of what waits for it. A slow stream alone is left in peace as long as \
            its client answers PINGs. Default: 1m.
            """, valueName: "DURATION"))
    var writeTimeout: String?

    @Option(
        help: ArgumentHelp(
            "How long a client's connection may carry no call before it is ended with GOAWAY. Default: 3m.",
            valueName: "DURATION|off"))
    var idleTimeout: String?

    @Option(
        help: ArgumentHelp(
            "How long an open call may carry nothing in either direction. Default: off.", valueName: "DURATION|off"))
    var streamIdleTimeout: String?

    @Option(
        help: ArgumentHelp(
            "What a call gets beyond its own deadline, before the Proxy ends it. Default: 1s.", valueName: "DURATION"))
    var deadlineGrace: String?

    @Option(
        help: ArgumentHelp(
            """
            After which silence an upstream with calls on it is sent a PING. gRPC servers end the connection of who \
            sends more than one in five minutes, unless they are told otherwise. Default: 5m30s.
            """, valueName: "DURATION|off"))
    var upstreamKeepalive: String?

    @Option(help: ArgumentHelp("How long its answer may take. Default: 10s.", valueName: "DURATION"))
    var upstreamKeepaliveTimeout: String?

    @Option(
        help: ArgumentHelp(
            "Failures in a row after which an endpoint is passed over, where there are others. Default: 5.",
            valueName: "N"))
    var ejectionThreshold: String?

    @Option(help: ArgumentHelp("For how long it is passed over. Default: 10s.", valueName: "DURATION"))
    var ejectionTime: String?

    @Option(
        help: ArgumentHelp(
            "Before the second try to connect to an endpoint; doubled with each failure. Default: 50ms.",
            valueName: "DURATION"))
    var minConnectBackoff: String?

    @Option(help: ArgumentHelp("The longest pause between two tries. Default: 1s.", valueName: "DURATION"))
    var maxConnectBackoff: String?

    @Option(
        help: ArgumentHelp(
            "How long a client may take to answer the PING between the two GOAWAYs of a goodbye. Default: 5s.",
            valueName: "DURATION"))
    var goawayTimeout: String?

    /// What was given, by name.
    var values: [(SettingName, String?)] {
        [
            (.maxConcurrentStreams, maxConcurrentStreams), (.maxConnections, maxConnections),
            (.streamWindow, streamWindow), (.connectionWindow, connectionWindow),
            (.maxHeaderListSize, maxHeaderListSize), (.maxHeaderFields, maxHeaderFields), (.resetBudget, resetBudget),
            (.resetRefill, resetRefill), (.trustedPeers, trustedPeers), (.proxyProtocol, proxyProtocol),
            (.controlFrameBudget, controlFrameBudget),
            (.minPingInterval, minPingInterval), (.maxBufferedBytes, maxBufferedBytes),
            (.maxReplayBytes, maxReplayBytes), (.maxUpstreamStreams, maxUpstreamStreams),
            (.maxUpstreamConnections, maxUpstreamConnections), (.upstreamResets, upstreamResets),
            (.maxWaiting, maxWaiting), (.waitTimeout, waitTimeout), (.revealUpstream, revealUpstream),
            (.connectTimeout, connectTimeout),
            (.prefaceTimeout, prefaceTimeout), (.headerTimeout, headerTimeout), (.writeTimeout, writeTimeout),
            (.idleTimeout, idleTimeout), (.streamIdleTimeout, streamIdleTimeout), (.deadlineGrace, deadlineGrace),
            (.upstreamKeepalive, upstreamKeepalive), (.upstreamKeepaliveTimeout, upstreamKeepaliveTimeout),
            (.ejectionThreshold, ejectionThreshold), (.ejectionTime, ejectionTime),
            (.minConnectBackoff, minConnectBackoff), (.maxConnectBackoff, maxConnectBackoff),
            (.goawayTimeout, goawayTimeout),
        ]
    }
}

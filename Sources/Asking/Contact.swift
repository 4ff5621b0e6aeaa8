import Ground
import TLS

/// Whom to ask, how to introduce oneself, and how long to wait.
public struct Contact: Sendable {
    /// A DNS name, an IPv4 address, an IPv6 address without brackets, or a Unix socket as `unix:PATH`.
    package var host: String
    /// The port to connect to.
    package var port: UInt16
    /// TLS settings for the upstream; `nil` for plaintext.
    package var tls: TLSContext?
    /// Time until the connection is established, including name resolution and the TLS handshake.
    package var connectTimeout: Duration
    /// Time from there until the answer is complete.
    package var requestTimeout: Duration
    /// Time for both together.
    package var wholeTimeout: Duration
    /// Value of the request's `user-agent` field.
    package var userAgent: String
    /// Additional request fields, in order; names in lower case.
    package var fields: [(name: String, value: String)]

    /// A contact with a time limit for each half: connecting, and the answer.
    package init(
        host: String, port: UInt16, tls: TLSContext? = nil, connectTimeout: Duration, requestTimeout: Duration,
        userAgent: String, fields: [(name: String, value: String)] = []
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        wholeTimeout = connectTimeout + requestTimeout
        self.userAgent = userAgent
        self.fields = fields
    }

    /// A contact with one time limit for everything.
    package init(_ place: HostPort, tls: TLSContext?, within limit: Duration, userAgent: String) {
        self.init(
            host: place.host, port: place.port, tls: tls, connectTimeout: limit, requestTimeout: limit,
            userAgent: userAgent)
        wholeTimeout = limit
    }

    /// The authority that a request names: the name that the certificate has to be for, if one was set, otherwise the
    /// address. A Unix socket has none: it is `localhost`.
    package var authority: String {
        tls?.serverName ?? (HostPort.unixPath(ofHost: host) == nil ? address : HostPort.serverName(ofHost: host))
    }

    /// `HOST:PORT`, with brackets around an IPv6 address, or `unix:PATH`.
    package var address: String { HostPort(host: host, port: port).description }
}

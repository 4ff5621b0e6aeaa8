import Ground
import TLS

/// One question about an upstream's health, with its time limits.
package struct ProbeRequest: Sendable {
    /// The question to ask.
    package var check: HealthCheck
    /// A DNS name, an IPv4 address or an IPv6 address without brackets.
    package var host: String
    /// The port to connect to.
    package var port: UInt16
    /// TLS settings for the upstream; `nil` for plaintext. A check by TCP alone doesn't use them.
    package var tls: TLSContext?
    /// Time until the connection is established, including name resolution and the TLS handshake.
    package var connectTimeout: Duration
    /// Time from there until the answer is complete.
    package var requestTimeout: Duration
    /// Value of the request's `user-agent` field.
    package var userAgent: String
    /// Additional request fields, in order; names in lower case.
    package var fields: [(name: String, value: String)]

    /// - Parameter port: the endpoint's port; a check that names another one is made there.
    package init(
        check: HealthCheck, host: String, port: UInt16, tls: TLSContext? = nil, connectTimeout: Duration,
        requestTimeout: Duration,
        userAgent: String = "sluice-health-check", fields: [(name: String, value: String)] = []
    ) {
        self.check = check
        self.host = host
        if case .http(_, let own?) = check { self.port = own } else { self.port = port }
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        self.userAgent = userAgent
        self.fields = fields
    }

    /// The authority that the request names: the name that the certificate has to be for, if one was set, otherwise the
    /// address.
    var authority: String { tls?.serverName ?? address }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    package var address: String {
        HostPort(host: host, port: port).description
    }
}

import Ground
import TLS

/// One question about a backend's health, with its time limits.
package struct ProbeRequest: Sendable {
    package var check: HealthCheck
    /// A DNS name, an IPv4 address or an IPv6 address without brackets.
    package var host: String
    package var port: UInt16
    /// How the backend is spoken to; `nil` for plaintext. A check by TCP alone doesn't use it.
    package var tls: TLSContext?
    /// Until the connection stands, the name's resolution and the TLS handshake included.
    package var connectTimeout: Duration
    /// From there until the answer is complete.
    package var requestTimeout: Duration
    package var userAgent: String
    /// Further request fields, in order; names in lower case.
    package var fields: [(name: String, value: String)]

    package init(
        check: HealthCheck, host: String, port: UInt16, tls: TLSContext? = nil, connectTimeout: Duration,
        requestTimeout: Duration,
        userAgent: String = "sluice-health-check", fields: [(name: String, value: String)] = []
    ) {
        self.check = check
        self.host = host
        self.port = port
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        self.userAgent = userAgent
        self.fields = fields
    }

    /// What the request names as its authority: the name that the certificate has to be for, where one was set, else the
    /// address.
    var authority: String { tls?.serverName ?? address }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    package var address: String {
        HostPort(host: host, port: port).description
    }
}

/// One question about a backend's health, with its time limits.
package struct ProbeRequest: Sendable {
    package var check: HealthCheck
    /// A DNS name, an IPv4 address or an IPv6 address without brackets.
    package var host: String
    package var port: UInt16
    /// Until the connection stands, the name's resolution included.
    package var connectTimeout: Duration
    /// From there until the answer is complete.
    package var requestTimeout: Duration
    package var userAgent: String
    /// Further request fields, in order; names in lower case.
    package var fields: [(name: String, value: String)]

    package init(
        check: HealthCheck, host: String, port: UInt16, connectTimeout: Duration, requestTimeout: Duration,
        userAgent: String = "sluice-health-check", fields: [(name: String, value: String)] = []
    ) {
        self.check = check
        self.host = host
        self.port = port
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
        self.userAgent = userAgent
        self.fields = fields
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    package var authority: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

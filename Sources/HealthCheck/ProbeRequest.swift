import Asking
import TLS

/// One question about an upstream's health.
package struct ProbeRequest: Sendable {
    /// The question to ask.
    package var check: HealthCheck
    /// Whom to ask. A check by TCP alone doesn't use its TLS settings.
    package var contact: Contact

    /// - Parameter port: the endpoint's port; a check that names another one is made there.
    package init(
        check: HealthCheck, host: String, port: UInt16, tls: TLSContext? = nil, connectTimeout: Duration,
        requestTimeout: Duration, userAgent: String = "sluice-health-check"
    ) {
        var port = port
        if case .http(_, let own?) = check { port = own }
        self.check = check
        contact = Contact(
            host: host, port: port, tls: tls, connectTimeout: connectTimeout, requestTimeout: requestTimeout,
            userAgent: userAgent)
    }
}

/// A certificate with its private key, as PEM files.
package struct CertificateFiles: Sendable, Equatable {
    /// The certificate with its chain.
    package var certificate: String
    /// The certificate's private key.
    package var key: String

    /// `nil` if either is missing.
    init?(certificate: String?, key: String?) {
        guard let certificate, let key else { return nil }
        self.certificate = certificate
        self.key = key
    }
}

/// The PEM files for TLS with clients.
package struct TLSFiles: Sendable, Equatable {
    /// The certificate that clients are shown.
    package var identity: CertificateFiles
    /// The authorities, one of which must have signed a client's certificate; `nil` if clients need none.
    package var clientAuthority: String?
    /// Whether upstreams are told who a client is according to its certificate.
    package var forwardsClientIdentity: Bool
}

/// The files and the name for TLS with upstreams.
package struct UpstreamTLSFiles: Sendable, Equatable {
    /// The PEM file of the trusted authorities; `nil` for the system's.
    package var authority: String?
    /// For upstreams that ask for a certificate.
    package var identity: CertificateFiles?
    /// The name that upstreams are asked for and must prove, instead of the endpoint's.
    package var serverName: String?
}

extension ProxySettings {
    /// The certificate of the admin API; `nil` for plaintext.
    package var adminTLS: CertificateFiles? {
        CertificateFiles(certificate: adminTLSCertificate, key: adminTLSKey)
    }

    /// The certificate shown to clients, and the requirements for theirs; `nil` for plaintext.
    package var tls: TLSFiles? {
        CertificateFiles(certificate: tlsCertificate, key: tlsKey).map { identity in
            TLSFiles(
                identity: identity, clientAuthority: tlsClientAuthority, forwardsClientIdentity: forwardsClientIdentity)
        }
    }

    /// The files and the name for TLS with upstreams; `nil` for plaintext.
    package var upstreamTLS: UpstreamTLSFiles? {
        guard usesUpstreamTLS else { return nil }
        return UpstreamTLSFiles(
            authority: upstreamTLSAuthority,
            identity: CertificateFiles(certificate: upstreamTLSCertificate, key: upstreamTLSKey),
            serverName: upstreamTLSServerName)
    }
}

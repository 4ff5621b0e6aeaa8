/// A certificate with its private key, as PEM files.
package struct CertificateFiles: Sendable, Equatable {
    /// The certificate with its chain.
    package var certificate: String
    package var key: String

    /// `nil` where one of them is missing.
    init?(certificate: String?, key: String?) {
        guard let certificate, let key else { return nil }
        self.certificate = certificate
        self.key = key
    }
}

/// The PEM files for TLS towards clients.
package struct TLSFiles: Sendable, Equatable {
    package var identity: CertificateFiles
    /// The authorities one of which must have signed a client's certificate; `nil` asks for none.
    package var clientAuthority: String?
    /// Whether backends are told who a client is by its certificate.
    package var forwardsClientIdentity: Bool
}

/// How backends are spoken to by TLS.
package struct UpstreamTLSFiles: Sendable, Equatable {
    /// The PEM file of the authorities that are trusted; `nil` for the system's.
    package var authority: String?
    /// For backends that ask for a certificate.
    package var identity: CertificateFiles?
    /// The name that backends are asked for and have to prove, instead of the endpoint's.
    package var serverName: String?
}

extension ProxySettings {
    /// The certificate of the admin API; `nil` for plaintext.
    package var adminTLS: CertificateFiles? {
        CertificateFiles(certificate: adminTLSCertificate, key: adminTLSKey)
    }

    /// The certificate clients are shown, and what they are asked for; `nil` for plaintext.
    package var tls: TLSFiles? {
        CertificateFiles(certificate: tlsCertificate, key: tlsKey).map { identity in
            TLSFiles(
                identity: identity, clientAuthority: tlsClientAuthority, forwardsClientIdentity: forwardsClientIdentity)
        }
    }

    /// How backends are spoken to; `nil` for plaintext.
    package var upstreamTLS: UpstreamTLSFiles? {
        guard usesUpstreamTLS else { return nil }
        return UpstreamTLSFiles(
            authority: upstreamTLSAuthority,
            identity: CertificateFiles(certificate: upstreamTLSCertificate, key: upstreamTLSKey),
            serverName: upstreamTLSServerName)
    }
}

/// A certificate with its private key, as PEM files.
package struct CertificateFiles: Sendable, Equatable {
    /// The certificate with its chain.
    package var certificate: String
    package var key: String

    /// Reads two settings that need each other; `nil` where neither is given, or only one, which is rejected.
    init?(_ reader: inout SettingReader, certificate certificateName: SettingName, key keyName: SettingName) {
        switch (reader.readPEMFile(certificateName), reader.readPEMFile(keyName)) {
        case (let certificate?, let key?):
            self.certificate = certificate
            self.key = key
        case (let certificate?, nil):
            reader.reject(certificateName, certificate, allowed: "a certificate together with its \(keyName.flag)")
            return nil
        case (nil, let key?):
            reader.reject(keyName, key, allowed: "a key together with its \(certificateName.flag)")
            return nil
        case (nil, nil): return nil
        }
    }
}

/// The PEM files for TLS towards clients.
package struct TLSFiles: Sendable, Equatable {
    package var identity: CertificateFiles
    /// The authorities one of which must have signed a client's certificate; `nil` asks for none.
    package var clientAuthority: String?
    /// Whether backends are told who a client is by its certificate.
    package var forwardsClientIdentity: Bool

    init?(_ reader: inout SettingReader) {
        let identity = CertificateFiles(&reader, certificate: .tlsCert, key: .tlsKey)
        clientAuthority = reader.readPEMFile(.tlsClientCA)
        forwardsClientIdentity = reader.readSwitch(.forwardClientIdentity, default: false)
        if forwardsClientIdentity && clientAuthority == nil {
            reader.reject(
                .forwardClientIdentity, "on", allowed: "off, or on together with \(SettingName.tlsClientCA.flag)")
        }
        guard let identity else {
            if let clientAuthority, reader.source(of: .tlsCert) == .standard, reader.source(of: .tlsKey) == .standard {
                reader.reject(
                    .tlsClientCA, clientAuthority, allowed: "authorities together with \(SettingName.tlsCert.flag)")
            }
            return nil
        }
        self.identity = identity
    }
}

/// How backends are spoken to by TLS.
package struct UpstreamTLSFiles: Sendable, Equatable {
    /// The PEM file of the authorities that are trusted; `nil` for the system's.
    package var authority: String?
    /// For backends that ask for a certificate.
    package var identity: CertificateFiles?
    /// The name that backends are asked for and have to prove, instead of the endpoint's.
    package var serverName: String?

    /// `nil` where it is off.
    init?(_ reader: inout SettingReader) {
        let isOn = reader.readSwitch(.upstreamTLS, default: false)
        authority = reader.readPEMFile(.upstreamTLSCA)
        identity = CertificateFiles(&reader, certificate: .upstreamTLSCert, key: .upstreamTLSKey)
        serverName = reader.read(
            .upstreamTLSServerName, default: nil, allowed: "a DNS name or an IP address, without a port"
        ) { text -> String?? in
            let isName = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/[]\"".utf8.contains($0) }
            let hasPort = text.utf8.count { $0 == UInt8(ascii: ":") } == 1
            return isName && !hasPort && (1...253).contains(text.utf8.count) ? .some(text) : .none
        }
        guard !isOn else { return }
        let given: [(SettingName, String?)] = [
            (.upstreamTLSCA, authority), (.upstreamTLSCert, identity?.certificate),
            (.upstreamTLSServerName, serverName),
        ]
        for case (let name, let value?) in given {
            reader.reject(name, value, allowed: "a value together with \(SettingName.upstreamTLS.flag)")
        }
        return nil
    }
}

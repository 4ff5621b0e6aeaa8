import Settings
import TLS

extension ProxySettings {
    /// What clients are shown and must show; `nil` for plaintext.
    var clientTLSOptions: TLSContext.ServerOptions? {
        tls.map {
            TLSContext.ServerOptions(
                certificateFile: $0.identity.certificate, keyFile: $0.identity.key,
                clientAuthorityFile: $0.clientAuthority)
        }
    }

    /// How TLS with upstreams is set up; `nil` for plaintext.
    var upstreamTLSOptions: TLSContext.ClientOptions? {
        upstreamTLS.map { files in
            var options = TLSContext.ClientOptions()
            options.authorityFile = files.authority
            options.certificateFile = files.identity?.certificate
            options.keyFile = files.identity?.key
            options.serverName = files.serverName
            return options
        }
    }
}

extension TLSContext {
    /// The context for clients' connections; `nil` for plaintext.
    ///
    /// - Throws: `SettingsErrors` that name the file that can't be used.
    static func forClients(_ settings: ProxySettings) throws(SettingsErrors) -> TLSContext? {
        guard let options = settings.clientTLSOptions else { return nil }
        do {
            return try TLSContext(server: options)
        } catch {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.clientTLS.certificate, options.certificateFile,
                    allowed: "PEM files that fit together; \(error)")
            ])
        }
    }

    /// The context for connections to upstreams; `nil` for plaintext.
    ///
    /// - Throws: `SettingsErrors` that name the file that can't be used.
    static func forUpstreams(_ settings: ProxySettings) throws(SettingsErrors) -> TLSContext? {
        guard let options = settings.upstreamTLSOptions else { return nil }
        do {
            return try TLSContext(client: options)
        } catch {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.upstreamTLS.isOn, "on",
                    allowed: "on with PEM files that can be used; \(error)")
            ])
        }
    }
}

import Settings
import TLS

extension TLSContext {
    /// The context for clients' connections; `nil` for plaintext.
    ///
    /// - Throws: `SettingsErrors` naming the file that can't be used.
    static func forClients(_ settings: ProxySettings) throws(SettingsErrors) -> TLSContext? {
        guard let files = settings.tls else { return nil }
        do {
            return try TLSContext(
                server: ServerOptions(
                    certificateFile: files.identity.certificate, keyFile: files.identity.key,
                    clientAuthorityFile: files.clientAuthority))
        } catch {
            throw SettingsErrors([
                SettingsError(
                    .tlsCert, files.identity.certificate, from: settings.source(of: .tlsCert),
                    allowed: "PEM files that fit together; \(error)")
            ])
        }
    }

    /// The context for connections to backends; `nil` for plaintext.
    ///
    /// - Throws: `SettingsErrors` naming the file that can't be used.
    static func forUpstreams(_ settings: ProxySettings) throws(SettingsErrors) -> TLSContext? {
        guard let files = settings.upstreamTLS else { return nil }
        var options = ClientOptions()
        options.authorityFile = files.authority
        options.certificateFile = files.identity?.certificate
        options.keyFile = files.identity?.key
        options.serverName = files.serverName
        do {
            return try TLSContext(client: options)
        } catch {
            throw SettingsErrors([
                SettingsError(
                    .upstreamTLS, "on", from: settings.source(of: .upstreamTLS),
                    allowed: "on with PEM files that can be used; \(error)")
            ])
        }
    }
}

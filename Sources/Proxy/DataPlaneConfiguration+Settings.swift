import DataPlane
import Settings
import TLS

extension DataPlaneConfiguration {
    /// What the settings say about the data plane.
    init(_ settings: ProxySettings, tls: TLSContext?) {
        self.init(
            listen: settings.listen, endpoints: settings.endpoints, workers: settings.workers,
            accessLog: settings.accessLog, limits: settings.limits, failover: settings.failover, tls: tls)
    }
}

extension TLSContext {
    /// The context for clients' connections; `nil` for plaintext.
    ///
    /// - Throws: `SettingsErrors` naming the file that can't be used.
    static func make(_ settings: ProxySettings) throws(SettingsErrors) -> TLSContext? {
        guard let files = settings.tls else { return nil }
        do {
            return try TLSContext(
                server: ServerOptions(
                    certificateFile: files.certificate, keyFile: files.key, clientAuthorityFile: files.clientAuthority))
        } catch {
            throw SettingsErrors([
                SettingsError(
                    .tlsCert, files.certificate, from: settings.source(of: .tlsCert),
                    allowed: "PEM files that fit together; \(error)")
            ])
        }
    }
}

import ControlPlane
import Settings
import TLS

extension AdminTLS {
    /// The admin API's certificate; `nil` for plaintext.
    ///
    /// - Throws: `SettingsErrors` that name the file that can't be used.
    static func make(_ settings: ProxySettings) throws(SettingsErrors) -> AdminTLS? {
        guard let files = settings.adminTLS else { return nil }
        do {
            _ = try files.expiry()
            return try AdminTLS(certificateFile: files.certificate, keyFile: files.key)
        } catch {
            throw SettingsErrors([
                settings.rejection(
                    of: SettingTable.admin.certificate, files.certificate,
                    allowed: "PEM files that fit together; \(error)")
            ])
        }
    }
}

extension CertificateFiles {
    /// When the certificate expires.
    ///
    /// - Throws: `TLSError` that names the file that can't be used.
    func expiry() throws(TLSError) -> Int64? {
        try TLSContext(server: .init(certificateFile: certificate, keyFile: key)).expiry
    }
}

import Certificates
import Asking
import ControlPlane
import DataPlane
import Settings
import TLS

extension ReloadableCertificate {
    /// The certificate shown to clients; `nil` for plaintext.
    ///
    /// - Parameter inForce: the context made from the files at the start.
    static func forClients(
        _ settings: ProxySettings, inForce: TLSContext?, _ dataPlane: DataPlane
    ) -> ReloadableCertificate? {
        guard let options = settings.clientTLSOptions else { return nil }
        let files = [options.certificateFile, options.keyFile, options.clientAuthorityFile]
        return ReloadableCertificate(use: .clients, expiry: inForce?.expiry, files: files.compactMap { $0 }) {
            let context = try TLSContext(server: options)
            dataPlane.publish(tls: context)
            return context.expiry
        }
    }

    /// The admin API's certificate; `nil` for plaintext.
    static func forAdmin(_ settings: ProxySettings, _ tls: AdminTLS?) -> ReloadableCertificate? {
        guard let tls, let files = settings.adminTLS else { return nil }
        return ReloadableCertificate(
            use: .admin, expiry: try? files.expiry(), files: [files.certificate, files.key]
        ) {
            // The data plane's library describes more clearly what is wrong with a file.
            let expiry = try files.expiry()
            try tls.reload(certificateFile: files.certificate, keyFile: files.key)
            return expiry
        }
    }

    /// The certificate shown to upstreams, and the authorities for theirs; `nil` for plaintext.
    static func forUpstreams(
        _ settings: ProxySettings, inForce: TLSContext?, _ dataPlane: DataPlane, _ asker: Asker
    ) -> ReloadableCertificate? {
        guard let options = settings.upstreamTLSOptions else { return nil }
        let files = [options.authorityFile, options.certificateFile, options.keyFile].compactMap { $0 }
        return ReloadableCertificate(use: .upstreams, expiry: inForce?.expiry, files: files) {
            let context = try TLSContext(client: options)
            dataPlane.publish(upstreamTLS: context)
            asker.publish(tls: context)
            return context.expiry
        }
    }
}

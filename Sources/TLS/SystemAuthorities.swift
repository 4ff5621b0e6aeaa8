import COpenSSL
import Glibc

/// The certificate authorities that the system trusts.
enum SystemAuthorities {
    /// The bundle files of the usual distributions.
    private static let bundles = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]

    /// Makes a context trust what OpenSSL takes for the system's authorities (SSL_CERT_FILE and SSL_CERT_DIR count
    /// too), or, if there are none, as in an image without OpenSSL's folders, the first bundle that exists.
    static func trust(in context: OpaquePointer) throws(TLSError) {
        guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else {
            throw .fromQueue("cannot load the system's authorities")
        }
        // To OpenSSL, a missing file or folder is no error, but it stays in the queue.
        ERR_clear_error()
        if unsafe isThere("SSL_CERT_FILE", X509_get_default_cert_file())
            || isThere("SSL_CERT_DIR", X509_get_default_cert_dir())
        {
            return
        }
        guard let bundle = bundles.first(where: { unsafe access($0, R_OK) == 0 }) else { return }
        guard unsafe SSL_CTX_load_verify_locations(context, bundle, nil) == 1 else {
            throw .fromQueue("cannot use the authorities in \(bundle)")
        }
    }

    private static func isThere(_ variable: String, _ standard: UnsafePointer<CChar>?) -> Bool {
        if unsafe getenv(variable) != nil { return true }
        return unsafe standard.map { unsafe access($0, R_OK) == 0 } ?? false
    }
}

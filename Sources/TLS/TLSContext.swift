import COpenSSL
import Glibc
import Ground

/// Certificates, keys and rules for many connections.
///
/// Immutable once it is made (`expiry` is set on the way), and OpenSSL counts its own references under a lock: any
/// thread may make connections from it.
///
/// Soundness: `pointer` is valid from `init` until `deinit`, and OpenSSL keeps what a connection needs beyond that.
@safe
package final class TLSContext: @unchecked Sendable {
    /// The certificates that a server shows and asks for.
    package struct ServerOptions: Sendable, Equatable {
        /// PEM file of the certificate with its chain.
        package var certificateFile: String
        /// PEM file of the private key.
        package var keyFile: String
        /// PEM file of the authorities, one of which must have signed a client's certificate; `nil` asks for none.
        package var clientAuthorityFile: String?

        package init(certificateFile: String, keyFile: String, clientAuthorityFile: String? = nil) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.clientAuthorityFile = clientAuthorityFile
        }
    }

    /// The certificates that a client trusts and shows.
    package struct ClientOptions: Sendable, Equatable {
        /// PEM file of the trusted authorities; `nil` for the system's.
        package var authorityFile: String?
        /// PEM file of the certificate with its chain, for servers that ask for one.
        package var certificateFile: String?
        /// PEM file of the private key; `nil` without a certificate.
        package var keyFile: String?
        /// Whether a server's certificate and name are verified at all.
        package var verifies = true
        /// The name to request and to verify, instead of the one that was connected to.
        package var serverName: String?

        package init() {}
    }

    /// The most sessions kept to be resumed.
    private static let sessionCacheSize = 4096

    /// Freed in `deinit`; each connection keeps a reference of its own within OpenSSL.
    let pointer: OpaquePointer
    let clientOptions: ClientOptions?

    /// When the first certificate of this side's chain expires, in seconds since 1970; `nil` for a client without one.
    package private(set) var expiry: Int64?

    /// The name that servers are asked for instead of the one that was connected to, if one was set.
    package var serverName: String? { clientOptions?.serverName }

    /// Reads a server's files.
    ///
    /// - Throws: `TLSError` naming the file that can't be used.
    package init(server options: ServerOptions) throws(TLSError) {
        unsafe pointer = try unsafe Self.make(TLS_server_method())
        clientOptions = nil
        unsafe openssl_shim_select_alpn(pointer)
        try load(certificate: options.certificateFile, key: options.keyFile)
        // Without a context of its own, OpenSSL refuses to resume sessions with client certificates.
        let name = Array("sluice".utf8)
        unsafe SSL_CTX_set_session_id_context(pointer, name, UInt32(name.count))
        unsafe openssl_shim_set_session_cache_size(pointer, Self.sessionCacheSize)
        guard let file = options.clientAuthorityFile else { return }
        try trust(file)
        unsafe SSL_CTX_set_client_CA_list(pointer, SSL_load_client_CA_file(file))
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
    }

    /// Reads a client's files.
    ///
    /// - Throws: `TLSError` naming the file that can't be used.
    package init(client options: ClientOptions) throws(TLSError) {
        unsafe pointer = try unsafe Self.make(TLS_client_method())
        clientOptions = options
        if let certificate = options.certificateFile {
            try load(certificate: certificate, key: options.keyFile ?? certificate)
        } else {
            unsafe openssl_shim_note_certificate_requests(pointer)
        }
        guard options.verifies else { return }
        if let file = options.authorityFile {
            try trust(file)
        } else {
            try unsafe SystemAuthorities.trust(in: pointer)
        }
        unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    private static func make(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
        guard let context = unsafe SSL_CTX_new(method) else { throw .fromQueue("cannot set up TLS") }
        guard unsafe openssl_shim_configure(context) == 1 else {
            unsafe SSL_CTX_free(context)
            throw .fromQueue("cannot set up TLS: no cipher suite is left")
        }
        return unsafe context
    }

    private func load(certificate: String, key: String) throws(TLSError) {
        try Self.check(certificate, "certificate")
        try Self.check(key, "key")
        guard unsafe SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else {
            throw .fromQueue("cannot use the certificate \(certificate)")
        }
        guard unsafe SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1 else {
            throw .fromQueue("cannot use the key \(key)")
        }
        guard unsafe SSL_CTX_check_private_key(pointer) == 1 else {
            throw .fromQueue("the key \(key) does not belong to the certificate \(certificate)")
        }
        let chain = unsafe (0..<openssl_shim_chain_count(pointer)).map {
            unsafe openssl_shim_chain_certificate(pointer, $0)
        }
        let expiries = unsafe ([SSL_CTX_get0_certificate(pointer)] + chain).compactMap {
            unsafe $0.map(openssl_shim_expiry)
        }
        expiry = expiries.min()
    }

    /// Opens a file as OpenSSL, which opens it by its name, is about to: from a pipe OpenSSL would wait for ever, and it
    /// doesn't say why it can't read a file.
    private static func check(_ path: String, _ what: String) throws(TLSError) {
        do {
            _ = try RegularFile(path: path)
        } catch {
            throw TLSError("cannot use the \(what) \(path): \(error.reason)")
        }
    }

    private func trust(_ file: String) throws(TLSError) {
        try Self.check(file, "authorities in")
        guard unsafe SSL_CTX_load_verify_locations(pointer, file, nil) == 1 else {
            throw .fromQueue("cannot use the authorities in \(file)")
        }
    }
}

import NIOCore
import NIOSSL
import Synchronization

/// The admin API's certificate, which may be exchanged while the API serves. Any thread may use it.
package final class AdminTLS: Sendable {
    private let context: Mutex<NIOSSLContext>

    /// Reads PEM files: the certificate with its chain, and its private key.
    ///
    /// - Throws: `NIOSSLError` for files that can't be used.
    package init(certificateFile: String, keyFile: String) throws {
        context = Mutex(try Self.read(certificateFile, keyFile))
    }

    /// Reads the files anew, for connections to come; those that stand keep what they have.
    ///
    /// - Throws: `NIOSSLError` for files that can't be used, which change nothing.
    package func reload(certificateFile: String, keyFile: String) throws {
        let new = try Self.read(certificateFile, keyFile)
        context.withLock { $0 = new }
    }

    /// What a connection that has just been accepted begins with.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: context.withLock { $0 })
    }

    /// For TLS 1.2: what HTTP/2 allows (RFC 9113, appendix A), here as well, though HTTP/1.1 would allow more: ephemeral keys,
    /// and encryption that authenticates. TLS 1.3 has such suites alone.
    private static let suites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ]

    private static func read(_ certificateFile: String, _ keyFile: String) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = suites
        // What a client that says nothing more may hold up the end of its connection.
        configuration.shutdownTimeout = .seconds(1)
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}

import NIOCore
import NIOSSL
import Synchronization

/// The admin API's certificate, which can be replaced while the API serves. Any thread may use it.
package final class AdminTLS: Sendable {
    private let context: Mutex<NIOSSLContext>

    /// Reads PEM files: the certificate with its chain, and its private key.
    ///
    /// - Throws: `NIOSSLError` for files that can't be used.
    package init(certificateFile: String, keyFile: String) throws {
        context = Mutex(try Self.read(certificateFile, keyFile))
    }

    /// Reads the files again, for future connections; existing ones keep the old certificate.
    ///
    /// - Throws: `NIOSSLError` for files that can't be used; the certificate then stays as it was.
    package func reload(certificateFile: String, keyFile: String) throws {
        let new = try Self.read(certificateFile, keyFile)
        context.withLock { $0 = new }
    }

    /// The TLS handler for a connection that has just been accepted.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: context.withLock { $0 })
    }

    /// The TLS 1.2 cipher suites that HTTP/2 allows (RFC 9113, appendix A): ephemeral keys and authenticated
    /// encryption. HTTP/1.1 would allow more, but the same rule applies here. TLS 1.3 has only such suites.
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
        // The time for which a client that sends nothing more can delay the end of its connection.
        configuration.shutdownTimeout = .seconds(1)
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}

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

    private static func read(_ certificateFile: String, _ keyFile: String) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificateFile).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: keyFile, format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }
}

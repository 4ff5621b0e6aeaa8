import NIOSSL
import Synchronization

/// What events are signed with, and whom a receiver's certificate must be from; both can be replaced while events are
/// sent. Any thread may use it.
package final class EventTrust: Sendable {
    /// Why a file can't be used, worded to follow its name.
    package struct Flaw: Error, Equatable, CustomStringConvertible {
        package var description: String

        package init(_ description: String) {
            self.description = description
        }
    }

    private struct State {
        var key: EventKey?
        var context: NIOSSLContext?
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - key: `nil` for events without a signature.
    ///   - authority: a PEM file with the authorities; `nil` for the system's.
    ///   - isSecure: whether there is TLS at all.
    /// - Throws: `Flaw` for authorities that can't be used.
    package init(key: EventKey?, authority: String?, isSecure: Bool) throws {
        state = Mutex(State(key: key, context: isSecure ? try Self.context(authority) : nil))
    }

    /// Replaces both, for what is sent from now on.
    package func set(key: EventKey?, authority: String?) throws {
        let isSecure = state.withLock { $0.context != nil }
        let context = isSecure ? try Self.context(authority) : nil
        state.withLock { $0 = State(key: key, context: context) }
    }

    var key: EventKey? { state.withLock { $0.key } }
    /// `nil` for plaintext.
    var context: NIOSSLContext? { state.withLock { $0.context } }

    private static func context(_ authority: String?) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.applicationProtocols = ["http/1.1"]
        if let authority {
            let certificates: [NIOSSLCertificate]
            do {
                certificates = try NIOSSLCertificate.fromPEMFile(authority)
            } catch {
                throw Flaw("it can't be read, or is no PEM file with certificates")
            }
            guard !certificates.isEmpty else { throw Flaw("it has no certificates") }
            configuration.trustRoots = .certificates(certificates)
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

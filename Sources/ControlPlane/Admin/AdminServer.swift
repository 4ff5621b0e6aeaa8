import DataPlane
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Serves the admin API on its address until the service group shuts down.
package struct AdminServer: Service {
    /// The address can't be listened on. Its description is one line that names the address.
    package struct ListenFailure: Error, Equatable, CustomStringConvertible {
        package var address: Endpoint
        package var reason: String

        package var description: String {
            "cannot listen on \(address) for the admin API: \(reason)"
        }
    }

    /// A connection on which nothing happens for so long is closed.
    private static let idleTimeout = TimeAmount.seconds(60)
    private static let connectionLimit = 1024

    private let api: AdminAPI
    private let address: Endpoint
    private let tls: AdminTLS?
    private let logger: Logger
    private let onListening: @Sendable (Endpoint) async -> Void

    /// - Parameters:
    ///   - address: port 0 takes any free port.
    ///   - tls: the certificate to show; `nil` for plaintext.
    ///   - onListening: called once with the address and its real port, when requests are served.
    package init(
        api: AdminAPI, address: Endpoint, tls: AdminTLS? = nil, logger: Logger,
        onListening: @escaping @Sendable (Endpoint) async -> Void
    ) {
        self.api = api
        self.address = address
        self.tls = tls
        self.logger = logger
        self.onListening = onListening
    }

    private var builder: HTTPServerBuilder {
        HTTPServerBuilder { [tls] responder in
            let base = HTTP1Channel(
                responder: responder, configuration: HTTP1Channel.Configuration(idleTimeout: Self.idleTimeout))
            return tls.map { SecuredChannel(base: base, tls: $0) } ?? base
        }
    }

    package func run() async throws {
        // The server says at info what the Proxy says itself.
        var serverLogger = Logger(label: "sluice.admin", factory: { _ in logger.handler })
        serverLogger.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            responder: api,
            server: builder,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: Int(address.port)),
                availableConnectionsDelegate: .maximum(Self.connectionLimit, logger: serverLogger)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port.flatMap(UInt16.init(exactly:)) ?? address.port
                await onListening(Endpoint(host: address.host, port: port))
            },
            logger: serverLogger)
        do {
            try await application.run()
        } catch let error as IOError {
            throw ListenFailure(address: address, reason: String(cString: strerror(error.errnoCode)))
        } catch let error as SocketAddressError.UnknownHost {
            throw ListenFailure(address: address, reason: error.errorDescription)
        }
    }
}

import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Inference
import ServiceLifecycle

/// The gRPC server: predictions and standard health checks.
struct GRPCInterface: Service {
    private let settings: PredictorSettings
    private let server: GRPCServer<HTTP2ServerTransport.Posix>

    init(settings: PredictorSettings, state: ServingState) {
        self.settings = settings
        server = GRPCServer(
            transport: HTTP2ServerTransport.Posix(
                address: settings.host.contains(":")
                    ? .ipv6(host: settings.host, port: settings.port)
                    : .ipv4(host: settings.host, port: settings.port),
                transportSecurity: .plaintext,
                config: Self.configuration
            ),
            services: [
                PredictionService(state: state, configuredVersion: settings.modelVersion),
                HealthService(state: state),
            ]
        )
    }

    private static let configuration = HTTP2ServerTransport.Posix.Config.defaults {
        // Even a row of a million features fits.
        $0.rpc.maxRequestPayloadSize = 8 << 20
        $0.http2.maxConcurrentStreams = 1024
        $0.compression.enabledAlgorithms = .all
        // Proxies keep connections alive with PINGs while no call is in progress.
        $0.connection.keepalive.clientBehavior.allowWithoutCalls = true
        $0.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(5)
        // A connection whose peer has vanished without closing it is detected within two minutes.
        $0.connection.keepalive.time = .seconds(100)
        $0.connection.keepalive.timeout = .seconds(20)
    }

    /// `address:port` once the server listens; nil if it can't.
    func address() async -> String? {
        guard let address = try? await server.transport.listeningAddress else { return nil }
        if let ipv4 = address.ipv4 { return endpoint(ipv4.host, ipv4.port) }
        if let ipv6 = address.ipv6 { return endpoint(ipv6.host, ipv6.port) }
        return nil
    }

    func run() async throws {
        do {
            try await withGracefulShutdownHandler {
                try await server.serve()
            } onGracefulShutdown: {
                server.beginGracefulShutdown()
            }
        } catch {
            guard let number = ListenError.errorNumber(of: error) else { throw error }
            throw ListenError(
                setting: "PORT", address: endpoint(settings.host, settings.port), reason: ListenError.text(of: number))
        }
    }
}

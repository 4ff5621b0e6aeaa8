import Hummingbird
import HummingbirdCore
import Inference
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server: `GET /health` and `POST /predict`.
struct HTTPInterface: Service {
    private let settings: PredictorSettings
    private let state: ServingState
    private let listening = AsyncStream.makeStream(of: String.self)

    init(settings: PredictorSettings, state: ServingState) {
        self.settings = settings
        self.state = state
    }

    /// `address:port` once the server listens; nil when it can't. To be asked once.
    func address() async -> String? {
        await listening.stream.first { _ in true }
    }

    func run() async throws {
        // Nobody waits for an address for ever, whatever ends this.
        defer { listening.continuation.finish() }
        let application = Application(
            responder: HTTPResponses(state: state, configuredVersion: settings.modelVersion),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: .seconds(75))),
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.httpPort)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.httpPort
                listening.continuation.yield(endpoint(settings.host, port))
            },
            logger: Self.logger(settings)
        )
        do {
            try await application.run()
        } catch {
            guard let number = ListenError.errorNumber(of: error) else { throw error }
            throw ListenError(
                setting: "HTTP_PORT", address: endpoint(settings.host, settings.httpPort),
                reason: ListenError.text(of: number))
        }
    }

    /// Hummingbird says at level info that it listens, which the predictor does itself.
    private static func logger(_ settings: PredictorSettings) -> Logger {
        var logger = Logger(label: "predictor.http")
        if settings.logLevel > .debug { logger.logLevel = .critical }
        return logger
    }
}

import HTTP1
import Inference
import Logging
import NIOCore
import ServiceLifecycle

/// The HTTP server: `GET /health` and `POST /predict`.
struct HTTPInterface: Service {
    private let settings: PredictorSettings
    private let server: Server
    private let listening = AsyncStream.makeStream(of: String.self)

    init(settings: PredictorSettings, state: ServingState, grpc: GRPCInterface) {
        self.settings = settings
        let responses = HTTPResponses(
            state: state, configuredVersion: settings.modelVersion, grpc: grpc, mostBytes: settings.httpMaxBody)
        server = Server(
            limits: Self.limits(settings), logger: Logger(label: "predictor.http"),
            isLiveness: { Request(head: $0).path == HTTPResponses.healthPath }, respond: responses.respond(to:))
    }

    private static func limits(_ settings: PredictorSettings) -> ServerLimits {
        var limits = ServerLimits(bodyBytes: settings.httpMaxBody, bytesInFlight: settings.httpMaxBytesInFlight)
        limits.requestTimeout = TimeAmount(settings.httpRequestTimeout)
        limits.headTimeout = min(limits.headTimeout, limits.requestTimeout)
        limits.idleTimeout = .seconds(75)
        return limits
    }

    /// `address:port` once the server listens; nil if it can't. Ask only once.
    func address() async -> String? {
        await listening.stream.first { _ in true }
    }

    func run() async throws {
        // However this ends, nobody may wait for an address for ever.
        defer { listening.continuation.finish() }
        let channel: any Channel
        do {
            channel = try await server.open(host: settings.httpHost, port: settings.httpPort)
        } catch {
            guard let number = ListenError.errorNumber(of: error) else { throw error }
            throw ListenError(
                setting: "HTTP_PORT", address: endpoint(settings.httpHost, settings.httpPort),
                reason: ListenError.text(of: number))
        }
        listening.continuation.yield(endpoint(settings.httpHost, channel.localAddress?.port ?? settings.httpPort))
        await withTaskCancellationHandler {
            try? await gracefulShutdown()
            await server.leave(channel)
            await server.untilEmpty()
        } onCancel: {
            channel.close(promise: nil)
            server.abort()
        }
    }
}

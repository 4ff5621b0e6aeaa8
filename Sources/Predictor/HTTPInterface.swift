import Connections
import Ground
import HTTP1
import Inference
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

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
        let address = HostPort(host: settings.httpHost, port: UInt16(settings.httpPort))
        let listener = Mutex<ListeningSocket?>(try ListeningSocket.open(address, of: .httpPort))
        let channel = try await open(listener)
        await withTaskCancellationHandler {
            try? await gracefulShutdown()
            // The socket closes with the channel's copy of it and this one, which knows what waits there.
            if let socket = listener.withLock({ $0.take() }) { await server.leave(channel) { socket.hasWaiting } }
            await server.untilEmpty()
        } onCancel: {
            listener.withLock { $0 = nil }
            channel.close(promise: nil)
            server.abort()
        }
    }

    /// Begins to accept connections on a copy of the socket.
    private func open(_ listener: borrowing Mutex<ListeningSocket?>) async throws -> any Channel {
        let (address, descriptor) = try listener.withLock { socket in
            guard let socket else { throw CancellationError() }
            return (socket.address.description, try socket.copyDescriptor())
        }
        let channel = try await server.open(descriptor: descriptor)
        listening.continuation.yield(address)
        return channel
    }
}

import Connections
import EventLoop
import GRPCServer
import Ground
import HealthAPI
import Inference
import Logging
import PredictionAPI
import Reflection
import ServiceLifecycle

/// The gRPC server: predictions, standard health checks, and reflection of all its services.
struct GRPCInterface: Service {
    private let server: GRPCServer
    /// `address:port`.
    let address: String

    /// Listens, and serves nothing yet.
    ///
    /// - Throws: `ListenError` if the port can't be listened on.
    init(settings: PredictorSettings, state: ServingState, models: LoadedModels) throws {
        let listener: ListeningSocket
        do throws(ListeningSocket.Failure) {
            listener = try ListeningSocket.open(HostPort(host: settings.host, port: UInt16(settings.port)))
        } catch {
            throw ListenError(
                setting: "PORT", address: endpoint(settings.host, settings.port), reason: error.reason)
        }
        address = listener.address.description
        let prediction = PredictionService(
            state: state, models: models, configuredVersion: settings.modelVersion)
        let inference = InferenceService(state: state, models: models)
        let services = [PredictionService.name, InferenceService.name, HealthService.name]
        let health = HealthService(state: state, services: services + ReflectionService.names)
        let reflection = try ReflectionService(
            descriptors: PredictionDescriptors.files + HealthDescriptors.files, services: services)
        var configuration = GRPCServerConfiguration()
        configuration.workers = settings.workers
        configuration.maxMessageSize = settings.maxMessageSize
        let logger = Logger(label: "predictor.grpc")
        let methods = prediction.methods + inference.methods + health.methods + reflection.methods
        server = try GRPCServer(
            configuration: configuration, methods: MethodTable(methods),
            listeners: [listener],
            log: { event in
                logger.log(
                    level: Logger.Level(event.severity), "\(event.message)",
                    metadata: Logger.Metadata(
                        uniqueKeysWithValues: event.details.map { ($0.name, .string($0.value)) }))
            })
    }

    /// How many calls have ended, and how many are under way.
    func report() async -> (counts: CallCounts, inFlight: Int, connections: Int) { await server.report() }

    var methods: [Method] { server.methods.methods }

    func run() async throws {
        try server.start()
        try? await gracefulShutdown()
        // The service group ends what takes longer than the grace by cancelling this task.
        let time = OneTimeEvent()
        _ = await server.shutDown { await time.wait() }
    }
}

extension Logger.Level {
    fileprivate init(_ severity: NotableEvent.Severity) {
        switch severity {
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}

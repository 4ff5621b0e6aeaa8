import Certificates
import Connections
import EventLoop
import GRPCServer
import Glibc
import Ground
import HealthAPI
import Inference
import Logging
import PredictionAPI
import Reflection
import ServiceLifecycle
import TLS

/// The gRPC server: predictions, standard health checks, and reflection of all its services.
struct GRPCInterface: Service {
    private let server: GRPCServer
    /// `address:port`, or `unix:path`.
    let address: String
    /// Reads changed certificates again.
    let certificates: CertificateReload

    /// Listens, and serves nothing yet.
    ///
    /// - Throws: `ListenError` if the address can't be listened on, `SettingError` if a certificate can't be used.
    init(settings: PredictorSettings, state: ServingState, models: LoadedModels) throws {
        let tls = try Self.tls(settings)
        let listener = try ListeningSocket.open(settings.address, of: settings.addressSetting)
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
        configuration.poolThreads = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        configuration.maxMessageSize = settings.maxMessageSize
        configuration.tls = tls
        let logger = Logger(label: "predictor.grpc")
        let methods = prediction.methods + inference.methods + health.methods + reflection.methods
        let server = try GRPCServer(
            configuration: configuration, methods: MethodTable(methods),
            listeners: [listener],
            log: { event in
                logger.log(
                    level: Logger.Level(event.severity), "\(event.message)",
                    metadata: Logger.Metadata(
                        uniqueKeysWithValues: event.details.map { ($0.name, .string($0.value)) }))
            })
        self.server = server
        let files = settings.tls.map { options in
            ReloadableCertificate(
                use: .clients, expiry: tls?.expiry,
                files: [options.certificateFile, options.keyFile, options.clientAuthorityFile].compactMap { $0 }
            ) {
                let context = try TLSContext(server: options)
                server.publish(tls: context)
                return context.expiry
            }
        }
        certificates = CertificateReload(files.map { [$0] } ?? [], logger: logger)
    }

    /// The context for clients' connections; nil for plaintext.
    private static func tls(_ settings: PredictorSettings) throws -> TLSContext? {
        guard let options = settings.tls else { return nil }
        do {
            return try TLSContext(server: options)
        } catch {
            throw SettingError(
                .tlsCertificate, options.certificateFile, allowed: "PEM files that fit together; \(error)")
        }
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

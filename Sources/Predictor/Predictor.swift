import DurationSyntax
import Estimators
import Glibc
import Inference
import JSONText
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// The whole process: two servers, and the model behind them.
struct Predictor {
    let settings: PredictorSettings

    /// Runs until a signal stops it.
    ///
    /// - Throws: `ListenError` if a port can't be listened on, `ModelLoadError` if the model can't be served.
    func run() async throws {
        let logger = Logger(label: "predictor")
        let state = ServingState()
        let models = LoadedModels()
        let grpc = try GRPCInterface(settings: settings, state: state, models: models)
        let http = HTTPInterface(settings: settings, state: state, grpc: grpc)
        let loader = ModelLoader(
            settings: settings, state: state, models: models, logger: logger, grpc: grpc, http: http)

        // The group stops its services from the last to the first: first the loader, which tells all watchers that the
        // process is stopping, then both servers at once. A model that is refused stops the servers in the same order,
        // so that requests at that moment are not cut off.
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: grpc.certificates),
                .init(service: Servers(grpc: grpc, http: http)),
                .init(service: loader, failureTerminationBehavior: .gracefullyShutdownGroup),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: Self.lifecycleLogger(settings)
        )
        configuration.maximumGracefulShutdownDuration = settings.shutdownGrace
        try await ServiceGroup(configuration: configuration).run()
        logger.info("stopped")
    }

    /// The group would log an error that a service throws; here it is reported when the process ends anyway.
    private static func lifecycleLogger(_ settings: PredictorSettings) -> Logger {
        var logger = Logger(label: "predictor.lifecycle")
        if settings.logLevel > .debug { logger.logLevel = .critical }
        return logger
    }
}

/// Runs both servers and stops them at the same time. If one fails, the other ends.
private struct Servers: Service, CustomStringConvertible {
    let grpc: GRPCInterface
    let http: HTTPInterface

    var description: String { "servers" }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await grpc.run() }
            group.addTask { try await http.run() }
        }
    }
}

/// Loads the model once both servers listen, and reports when predictions begin and end.
private struct ModelLoader: Service, CustomStringConvertible {
    let settings: PredictorSettings
    let state: ServingState
    let models: LoadedModels
    let logger: Logger
    let grpc: GRPCInterface
    let http: HTTPInterface

    var description: String { "model loader" }

    func run() async throws {
        guard let httpAddress = await http.address() else {
            // The server failed; its error is the one to report.
            try await gracefulShutdown()
            return
        }
        let repository: ModelRepository
        do {
            repository = try ModelRepository.load(
                path: settings.modelPath, name: settings.modelName, version: settings.modelVersion)
        } catch {
            // Clients that watch the health would otherwise keep the servers from ending.
            state.stop()
            throw error
        }
        models.publish(repository)
        state.begin(serving: repository)
        for entry in repository.entries {
            for model in entry.versions { report(model, of: entry, grpc: grpc.address, http: httpAddress) }
        }
        try await gracefulShutdown()
        state.stop()
        logger.info("stopping", metadata: ["grace": "\(settings.shutdownGrace.text)"])
    }

    /// Logs what is served.
    private func report(_ model: ServedModel, of entry: ModelRepository.Entry, grpc: String, http: String) {
        if !model.model.ignored.isEmpty {
            logger.info(
                "the model has attributes that are not understood; no prediction needs them, and nothing was run",
                metadata: [
                    "model": "\(entry.name)",
                    "attributes": .array(model.model.ignored.map { .string($0) }),
                ])
        }
        var metadata: Logger.Metadata = [
            "grpc": "\(grpc)", "http": "\(http)", "model": "\(entry.name)",
            "model_version": "\(shortened(model.version))", "model_path": "\(settings.modelPath)",
            "model_sha256": "\(model.sha256)", "steps": .array(model.model.steps.map { .string($0) }),
            "pid": .stringConvertible(Int(getpid())),
        ]
        if case .classification = model.model.task {
            metadata["classes"] = .array(shortened(model.labels).map { .string($0) })
        }
        logger.info("serving", metadata: metadata)
    }
}

import ArgumentParser
import Glibc
import Inference
import JSONLogging
import Logging

/// The command line: settings and exit codes.
@main
struct PredictorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Predictor",
        abstract: "Serves one scikit-learn classifier over gRPC and HTTP.",
        discussion: """
            gRPC offers prediction.v1.PredictionService and grpc.health.v1.Health, HTTP offers GET /health and \
            POST /predict. The model is a file that pickle (protocol 2 to 5) or joblib (uncompressed) wrote: a \
            LogisticRegression, alone or behind StandardScaler and MinMaxScaler in a Pipeline. No Python runs, and \
            nothing that the file names is called. Where a model.json lies beside the model, its version and SHA-256 \
            have to fit.

            Each setting comes from its flag, else from the environment variable in brackets, else from its default. \
            SIGTERM and SIGINT stop the process once the calls under way have ended.

            Exit codes: 0 stopped by a signal; 64 a setting is wrong; 65 the model can't be served; 69 a port can't be \
            listened on; 70 something else failed.
            """
    )

    @Option(
        help: ArgumentHelp(
            "Version that the model is served as. [MODEL_VERSION] (default: what model.json beside the model says)",
            valueName: "version"))
    var modelVersion: String?

    @Option(help: ArgumentHelp("The model's file. [MODEL_PATH] (default: models/v1.0.0/model.pkl)", valueName: "file"))
    var modelPath: String?

    @Option(
        help: ArgumentHelp(
            "IPv4 or IPv6 address to listen on. [HOST] (default: 0.0.0.0)", valueName: "address"))
    var host: String?

    @Option(
        help: ArgumentHelp(
            "Port for gRPC, 0 to 65535; 0 takes a free one. [PORT] (default: 50051)", valueName: "port"))
    var port: String?

    @Option(
        help: ArgumentHelp(
            "Port for HTTP, 0 to 65535; 0 takes a free one. [HTTP_PORT] (default: the gRPC port + 1000)",
            valueName: "port"))
    var httpPort: String?

    @Option(
        help: ArgumentHelp(
            "Least severe level to log: trace, debug, info, notice, warning, error or critical. [LOG_LEVEL] (default: info)",
            valueName: "level"))
    var logLevel: String?

    @Option(
        help: ArgumentHelp(
            "How long calls under way may take after a signal to stop, for example 500ms, 30s or 2m. [SHUTDOWN_GRACE] (default: 30s)",
            valueName: "duration"))
    var shutdownGrace: String?

    @Option(
        help: ArgumentHelp(
            "Largest body of a request over HTTP, in bytes; larger ones get 413. [HTTP_MAX_BODY] (default: 8388608)",
            valueName: "bytes"))
    var httpMaxBody: String?

    @Option(
        help: ArgumentHelp(
            """
            Bytes of bodies and answers over HTTP that are held at a time; beyond that the request that has waited for \
            its client longest gets 503. [HTTP_MAX_BYTES_IN_FLIGHT] (default: 67108864)
            """,
            valueName: "bytes"))
    var httpMaxBytesInFlight: String?

    @Option(
        help: ArgumentHelp(
            "How long a request over HTTP may take to come whole. [HTTP_REQUEST_TIMEOUT] (default: 30s)",
            valueName: "duration"))
    var httpRequestTimeout: String?

    func run() async throws {
        // Standard output may be a pipe without a reader; writing to it must not end the process.
        signal(SIGPIPE, SIG_IGN)
        let settings = try readSettings()
        let threshold = LogThreshold(settings.logLevel)
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, threshold: threshold) }
        do {
            try await Predictor(settings: settings).run()
        } catch let error as ModelLoadError {
            if case .noVersion = error { throw Self.failure(error, code: .usage) }
            throw Self.failure(error, code: .badModel)
        } catch let error as ListenError {
            throw Self.failure(error, code: .unavailable)
        } catch {
            throw Self.failure(error, code: .software)
        }
    }

    private func readSettings() throws -> PredictorSettings {
        let flags = [
            "MODEL_VERSION": modelVersion, "MODEL_PATH": modelPath, "HOST": host, "PORT": port, "HTTP_PORT": httpPort,
            "LOG_LEVEL": logLevel, "SHUTDOWN_GRACE": shutdownGrace, "HTTP_MAX_BODY": httpMaxBody,
            "HTTP_MAX_BYTES_IN_FLIGHT": httpMaxBytesInFlight, "HTTP_REQUEST_TIMEOUT": httpRequestTimeout,
        ]
        do {
            return try PredictorSettings { name in
                if let flag = flags[name] ?? nil { return flag }
                return unsafe getenv(name).map { unsafe String(cString: $0) }
            }
        } catch {
            throw Self.failure(error, code: .usage)
        }
    }

    /// Reports the error in one line on standard error.
    private static func failure(_ error: any Error, code: ExitCode) -> ExitCode {
        LogSink.standardError.write(Array("Error: \(error)\n".utf8))
        return code
    }
}

/// Exit codes from `sysexits.h`.
extension ExitCode {
    fileprivate static let usage = ExitCode(64)
    fileprivate static let badModel = ExitCode(65)
    fileprivate static let unavailable = ExitCode(69)
    fileprivate static let software = ExitCode(70)
}

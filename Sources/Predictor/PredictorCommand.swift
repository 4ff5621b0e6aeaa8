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
        abstract: "Serves scikit-learn models over gRPC and HTTP.",
        discussion: """
            gRPC offers inference.GRPCInferenceService (the Open Inference Protocol), prediction.v1.PredictionService, \
            grpc.health.v1.Health and server reflection; HTTP offers the Open Inference Protocol under /v2, POST /predict, GET /health \
            and GET /metrics. The model is a file that pickle (protocol 2 to 5), joblib or skops wrote, compressed \
            with gzip, zlib, bz2, xz or lzma or not: most of scikit-learn's classifiers and regressors, alone or in a \
            Pipeline, and those of XGBoost and LightGBM. No Python runs, and nothing that the file names is called. Where a model.json lies beside the \
            model, its version and SHA-256 have to fit.

            Each setting comes from its flag, else from the environment variable in brackets, else from its default. \
            gRPC may have TLS, with certificates of clients or without. SIGTERM and SIGINT stop the process once the \
            calls under way have ended.

            Exit codes: 0 stopped by a signal; 64 a setting is wrong; 65 the model can't be served; 69 a port can't be \
            listened on; 70 something else failed.
            """
    )

    @OptionGroup var flags: PredictorFlags

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
        } catch let error as SettingError {
            throw Self.failure(error, code: .usage)
        } catch let error as ListenError {
            throw Self.failure(error, code: .unavailable)
        } catch {
            throw Self.failure(error, code: .software)
        }
    }

    private func readSettings() throws -> PredictorSettings {
        do {
            return try PredictorSettings { variable in
                unsafe flags.given[variable] ?? getenv(variable).map { unsafe String(cString: $0) }
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

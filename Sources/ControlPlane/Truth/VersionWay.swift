import Asking
import FoundationEssentials
import HealthCheck

/// A way in which an endpoint can say its version.
package enum VersionWay: Sendable, Equatable {
    /// The Predictor's service.
    case predictor
    /// The Open Inference Protocol, for a model.
    case model(String)
    /// A page over HTTP/1.1, with a JSON object that has a `model_version`; the port is the endpoint's if it is `nil`.
    case page(path: String, port: UInt16?)
    /// The Open Inference Protocol, for the server: its software's version, where nothing else is known.
    case server

    /// What is read of an answer.
    package enum Reading: Equatable {
        case versions([String])
        case nothing(reason: String)
    }

    /// The most bytes of an answer.
    static let largestAnswer = 65_536

    /// The ways to ask an endpoint, the most telling first.
    ///
    /// - Parameter checks: where upstreams have pages, and what their model is called, is known by the health checks.
    package static func all(for expected: ExpectedVersion, _ checks: [HealthCheck]) -> [VersionWay] {
        if let model = expected.model { return [.model(model)] }
        var models: [String] = []
        var pages: [VersionWay] = []
        for check in checks {
            switch check {
            case .grpcCall(let call):
                if let model = call.model, !models.contains(model) { models.append(model) }
            case .http(let path, let port):
                for page in [VersionWay.page(path: path, port: port), .page(path: "/health", port: port)]
                where !pages.contains(page) {
                    pages.append(page)
                }
            case .grpc, .grpcWatch, .tcp: break
            }
        }
        return [.predictor] + (models.count == 1 ? [.model(models[0])] : []) + pages + [.server]
    }

    private static let inference = "/inference.GRPCInferenceService/"

    /// The call to make; `nil` for a page.
    var call: UnaryCall? {
        switch self {
        case .predictor:
            UnaryCall("/prediction.v1.PredictionService/Health", largestAnswer: Self.largestAnswer)
        case .model(let name):
            UnaryCall(
                Self.inference + "ModelMetadata", message: ProtobufText.field(1, name),
                largestAnswer: Self.largestAnswer)
        case .server: UnaryCall(Self.inference + "ServerMetadata", largestAnswer: Self.largestAnswer)
        case .page: nil
        }
    }

    /// Reads the answer to `call`.
    package func reading(_ answer: UnaryCall.Answer) -> Reading {
        guard case .message(let message) = answer else { return .nothing(reason: answer.failure ?? "no answer") }
        do {
            // The versions are the second field of each.
            let versions = try ProtobufText.texts(2, of: message[...]).filter { !$0.isEmpty }
            guard !versions.isEmpty else { return .nothing(reason: "the answer has no version") }
            // Only a model has several; of a field that isn't repeated the last one counts.
            if case .model = self { return .versions(versions) }
            return .versions(versions.suffix(1))
        } catch {
            return .nothing(reason: "the answer is no protobuf message")
        }
    }

    /// Reads a page. Its status doesn't matter if it has a version, as a server that isn't ready has one, too.
    package func reading(_ outcome: HTTPExchange.Outcome) -> Reading {
        switch outcome {
        case .failed(let reason): return .nothing(reason: reason)
        case .answer(let answer):
            if let page = try? JSONCoding.decode(Page.self, from: answer.body), let version = page.modelVersion,
                !version.isEmpty
            {
                return .versions([version])
            }
            let isGood = (200...299).contains(answer.status)
            return .nothing(reason: isGood ? "the answer has no model_version" : "HTTP status \(answer.status)")
        }
    }

    private struct Page: Decodable {
        var modelVersion: String?
    }
}

extension VersionWay: CustomStringConvertible {
    package var description: String {
        switch self {
        case .model(let name): "\(String(call?.path.dropFirst() ?? "")) of \(name)"
        case .predictor, .server: String(call?.path.dropFirst() ?? "")
        case .page(let path, let port): HealthCheck.http(path: path, port: port).description
        }
    }
}

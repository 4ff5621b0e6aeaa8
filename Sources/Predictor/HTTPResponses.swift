import Certificates
import Estimators
import GRPCServer
import HTTP1
import HTTPTypes
import Inference
import JSONText
import NIOCore
import OpenInference

/// Answers HTTP requests. Every body but that of the metrics is JSON; an error is `{"error": …}`.
struct HTTPResponses: Sendable {
    static let healthPath = "/health"

    let state: ServingState
    /// The requested version: all that is known before the model is loaded.
    let configuredVersion: String?
    let grpc: GRPCInterface
    /// The most bytes of a body, decompressed or not.
    let mostBytes: Int

    @Sendable func respond(to request: Request) async -> Response {
        switch HTTPCoding.decoded(request, most: mostBytes) {
        case .request(let request): HTTPCoding.encoded(await answer(to: request), for: request)
        case .unknown:
            error(
                .unsupportedMediaType, "bodies can be compressed by gzip or deflate, and by nothing else",
                headers: [.acceptEncoding: "gzip, deflate"])
        case .tooLong: error(.contentTooLarge, "the body has more than \(mostBytes) bytes once it is decompressed")
        case .damaged(let coding): error(.badRequest, "the body is no \(coding.rawValue)")
        }
    }

    private func answer(to request: Request) async -> Response {
        switch (request.path, request.method) {
        case (Self.healthPath, .get), (Self.healthPath, .head):
            return health()
        case (Self.healthPath, _):
            return methodNotAllowed("GET, HEAD")
        case ("/predict", .post):
            return predict(request)
        case ("/predict", _):
            return methodNotAllowed("POST")
        case ("/metrics", .get), ("/metrics", .head):
            return await metrics()
        case ("/metrics", _):
            return methodNotAllowed("GET, HEAD")
        case (let path, _) where OpenInference.serves(path):
            return openInference(request)
        default:
            return error(
                .notFound,
                "there is nothing here; try GET /health, POST /predict, GET /metrics or GET /v2")
        }
    }

    private func health() -> Response {
        let status = state.status
        let model = state.model
        var writer = JSONWriter()
        writer.object {
            $0.member("status", status == .serving ? "ok" : status.rawValue)
            if let version = model?.version ?? configuredVersion { $0.member("model_version", version) }
            if let model {
                $0.member("model_sha256", model.sha256)
                $0.member("features", model.model.features.count)
                if case .classification = model.model.task {
                    $0.member("classes") { writer in writer.array { for label in model.labels { $0.value(label) } } }
                }
            }
        }
        return json(status == .serving ? .ok : .serviceUnavailable, writer.finish())
    }

    private func predict(_ request: Request) -> Response {
        guard let served = state.model else {
            return error(.serviceUnavailable, "the model is still being loaded")
        }
        do {
            let table = try InstancesParser.parse(
                Array(request.body.readableBytesView), features: served.model.features)
            return json(.ok, served.encode(try served.predict(table)))
        } catch {
            return self.error(.badRequest, error.description)
        }
    }

    private func openInference(_ request: Request) -> Response {
        let answer = OpenInference(state).respond(
            method: request.method.rawValue, path: request.path,
            header: { name in HTTPField.Name(name).flatMap { request.headers[$0] } },
            body: Array(request.body.readableBytesView))
        var headers = HTTPFields()
        for field in answer.headers {
            if let name = HTTPField.Name(field.name) { headers[name] = field.value }
        }
        return Response(
            status: HTTPResponse.Status(code: answer.status), headers: headers, body: ByteBuffer(bytes: answer.body))
    }

    private func metrics() async -> Response {
        let text = PredictorMetrics.text(
            await grpc.report(), methods: grpc.methods, repository: state.repository,
            certificates: grpc.certificates.statuses, isServing: state.status == .serving)
        var headers = HTTPFields()
        headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
        return Response(status: .ok, headers: headers, body: ByteBuffer(string: text))
    }

    private func methodNotAllowed(_ allowed: String) -> Response {
        error(.methodNotAllowed, "the method is not one of \(allowed)", headers: [.allow: allowed])
    }

    private func error(
        _ status: HTTPResponse.Status, _ message: String, headers: HTTPFields = [:]
    ) -> Response {
        var writer = JSONWriter()
        writer.object { $0.member("error", message) }
        return json(status, writer.finish(), headers: headers)
    }

    private func json(
        _ status: HTTPResponse.Status, _ body: [UInt8], headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ByteBuffer(bytes: body))
    }
}

import Asking
import ControlPlane
import HealthCheck
import Testing

@Suite struct VersionWayTests {
    private func ways(_ expected: String, _ checks: String...) throws -> [VersionWay] {
        VersionWay.all(for: try #require(ExpectedVersion(expected)), try checks.map { try HealthCheck(reading: $0) })
    }

    private static let ready = "grpc-call:/inference.GRPCInferenceService/ModelReady?name="

    @Test func asksInTheWaysThatTheChecksKnow() throws {
        #expect(try ways("v1") == [.predictor, .server])
        #expect(try ways("v1", "grpc", "tcp", "grpc-call:/a.B/C") == [.predictor, .server])
        #expect(
            try ways("v1", "http://:8000/ready", "http:/health")
                == [
                    .predictor, .page(path: "/ready", port: 8000), .page(path: "/health", port: 8000),
                    .page(path: "/health", port: nil), .server,
                ])
        #expect(try ways("v1", Self.ready + "iris") == [.predictor, .model("iris"), .server])
        #expect(try ways("v1", Self.ready + "iris", Self.ready + "iris&version=2").count == 3)
        // Of two models nobody knows which is meant.
        #expect(try ways("v1", Self.ready + "iris", Self.ready + "rose") == [.predictor, .server])
        #expect(try ways("rose@v1", "http:/health", Self.ready + "iris") == [.model("rose")])
    }

    @Test func readsWhatEachAnswers() {
        let health = [0x08, 1] + ProtobufText.field(2, "v1.1.0")
        #expect(VersionWay.predictor.reading(.message(health)) == .versions(["v1.1.0"]))
        let model = ProtobufText.field(1, "iris") + ProtobufText.field(2, "1") + ProtobufText.field(2, "2")
        #expect(VersionWay.model("iris").reading(.message(model)) == .versions(["1", "2"]))
        #expect(VersionWay.server.reading(.message(model)) == .versions(["2"]))
        for way in [VersionWay.predictor, .model("iris"), .server] {
            #expect(way.reading(.message([])) == .nothing(reason: "the answer has no version"))
            #expect(way.reading(.message([0xff])) == .nothing(reason: "the answer is no protobuf message"))
            #expect(
                way.reading(.refused(status: 12, message: nil)) == .nothing(reason: "gRPC status UNIMPLEMENTED"))
            #expect(way.reading(UnaryCall.Answer.failed(reason: "gone")) == .nothing(reason: "gone"))
        }
    }

    @Test func readsPages() {
        func read(_ status: Int, _ body: String) -> VersionWay.Reading {
            VersionWay.page(path: "/health", port: nil).reading(
                .answer(HTTPAnswer(status: status, body: Array(body.utf8))))
        }
        #expect(read(200, #"{"status": "ok", "model_version": "v1.1.0"}"#) == .versions(["v1.1.0"]))
        // A server that isn't ready has a version, too.
        #expect(read(503, #"{"model_version": "v1.1.0"}"#) == .versions(["v1.1.0"]))
        for body in ["", "ok", "[]", "{}", #"{"model_version": 1}"#, #"{"model_version": ""}"#] {
            #expect(read(200, body) == .nothing(reason: "the answer has no model_version"))
            #expect(read(404, body) == .nothing(reason: "HTTP status 404"))
        }
    }

    @Test func hasNames() {
        #expect(VersionWay.predictor.description == "prediction.v1.PredictionService/Health")
        #expect(VersionWay.model("iris").description == "inference.GRPCInferenceService/ModelMetadata of iris")
        #expect(VersionWay.page(path: "/health", port: 8000).description == "http://:8000/health")
    }
}

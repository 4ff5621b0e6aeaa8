import Asking
import HTTP2
import HealthCheck
import Serving
import Testing

@Suite struct GRPCProbeSessionTests {
    private typealias Outcome = HealthCheckResult.Outcome
    private static let inference = "grpc-call:/inference.GRPCInferenceService/"

    /// Makes a check's call, and answers it.
    private func outcome(
        _ check: String, message: [UInt8]?, status: Int = 0
    ) throws -> (outcome: HealthCheckResult.Outcome?, served: ServedStream) {
        let server = ServingSession()
        let request = ProbeRequest(
            check: try HealthCheck(reading: check), host: "h", port: 1, connectTimeout: .seconds(1),
            requestTimeout: .seconds(1))
        let session = try #require(GRPCProbeSession(for: request))
        try server.exchange(with: session)
        let stream = try #require(server.streams.first)
        server.answer(stream, message: message, status: status)
        try server.exchange(with: session)
        return (session.outcome, stream)
    }

    @Test func asksForAService() throws {
        let asked = try outcome("grpc:a.B", message: [0x08, 1])
        #expect(asked.outcome == .healthy)
        #expect(asked.served.path == "/grpc.health.v1.Health/Check")
        #expect(asked.served.request == [0, 0, 0, 0, 5, 0x0a, 3] + "a.B".utf8)
        #expect(try outcome("grpc", message: [0x08, 2]).outcome == .unhealthy(reason: "NOT_SERVING"))
        #expect(
            try outcome("grpc", message: nil).outcome
                == .requestFailed(reason: "the response has no message that can be read"))
        #expect(
            try outcome("grpc", message: nil, status: 14).outcome
                == .requestFailed(reason: "gRPC status UNAVAILABLE"))
    }

    @Test func takesOKOfAnyMethodToBeHealthy() throws {
        let long = [UInt8](repeating: 7, count: 3 * HealthQuestion.largestAnswer)
        for message in [nil, [], [1, 2, 3], long] as [[UInt8]?] {
            let asked = try outcome("grpc-call:/pkg.Service/Method", message: message)
            #expect(asked.outcome == .healthy)
            #expect(asked.served.path == "/pkg.Service/Method")
            #expect(asked.served.request == [0, 0, 0, 0, 0])
        }
        #expect(
            try outcome("grpc-call:/pkg.Service/Method", message: nil, status: 13).outcome
                == .requestFailed(reason: "gRPC status INTERNAL"))
    }

    @Test(arguments: [("ServerLive", "live"), ("ServerReady", "ready"), ("ModelReady?name=m", "ready")])
    func judgesTheAnswersOfTheInferenceProtocol(method: String, field: String) throws {
        let check = Self.inference + method
        #expect(try outcome(check, message: [0x08, 1]).outcome == .healthy)
        #expect(try outcome(check, message: [0x08, 0]).outcome == .unhealthy(reason: "\(field) is false"))
        #expect(try outcome(check, message: []).outcome == .unhealthy(reason: "\(field) is false"))
        #expect(
            try outcome(check, message: [0x08]).outcome
                == .requestFailed(reason: "the response can't be read: it is no protobuf message"))
        #expect(
            try outcome(check, message: nil).outcome
                == .requestFailed(reason: "the response has no message that can be read"))
    }

    @Test func namesTheModel() throws {
        let asked = try outcome(Self.inference + "ModelReady?name=iris&version=1", message: [0x08, 1])
        #expect(asked.served.path == "/inference.GRPCInferenceService/ModelReady")
        #expect(asked.served.request == [0, 0, 0, 0, 9, 0x0a, 4] + "iris".utf8 + [0x12, 1] + "1".utf8)
    }
}

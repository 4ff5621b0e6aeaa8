import Ground
import GRPCServer
import HealthAPI
import Inference
import SwiftProtobuf

/// `grpc.health.v1.Health` for the server as a whole (the empty name) and for its services.
///
/// Source: "GRPC Health Checking Protocol", https://github.com/grpc/grpc/blob/master/doc/health-checking.md
struct HealthService: Sendable {
    static let name = "grpc.health.v1.Health"

    private let state: ServingState
    private let known: Set<String>

    /// - Parameter services: the names of the services that are healthy whenever the server is.
    init(state: ServingState, services: [String]) {
        self.state = state
        known = Set(services + [""])
    }

    var methods: [Method] {
        [
            Method("\(Self.name)/Check", unary: { _, message in check(message) }),
            Method("\(Self.name)/List", unary: { _, _ in list() }),
            Method("\(Self.name)/Watch", streaming: { _ in HealthWatcher(state: state, known: known) }),
        ]
    }

    private func check(_ message: [UInt8]) -> UnaryOutcome {
        .decoding(Grpc_Health_V1_HealthCheckRequest.self, message) { request in
            guard known.contains(request.service) else {
                return .failure(RPCStatus(.notFound, "there is no service '\(request.service)' here"))
            }
            return .encoding(Grpc_Health_V1_HealthCheckResponse(state.status))
        }
    }

    private func list() -> UnaryOutcome {
        let response = Grpc_Health_V1_HealthCheckResponse(state.status)
        var list = Grpc_Health_V1_HealthListResponse()
        for service in known { list.statuses[service] = response }
        return .encoding(list)
    }
}

/// One call of `Watch`.
private final class HealthWatcher: StreamHandler {
    private let state: ServingState
    private let known: Set<String>
    private var watch: ServingState.Watch?

    init(state: ServingState, known: Set<String>) {
        self.state = state
        self.known = known
    }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard watch == nil, let request = try? Grpc_Health_V1_HealthCheckRequest(serializedBytes: message) else {
            return call.finish(RPCStatus(.invalidArgument, "the request is not one HealthCheckRequest"))
        }
        let isKnown = known.contains(request.service)
        if !isKnown {
            var response = Grpc_Health_V1_HealthCheckResponse()
            response.status = .serviceUnknown
            call.send(response.encoded)
        }
        let handle = call.handle
        watch = state.watch { status in
            handle.run { call in
                if isKnown { call.send(Grpc_Health_V1_HealthCheckResponse(status).encoded) }
                // A watch must not delay the end.
                if status == .stopping { call.finish(RPCStatus(.unavailable, "the server is shutting down")) }
            }
        }
    }

    func requestEnded(_ call: ServerCall) {
        if watch == nil, !call.isFinished {
            call.finish(RPCStatus(.invalidArgument, "there is no HealthCheckRequest in the call"))
        }
    }

    func cancelled(_ call: ServerCall) { watch = nil }
}

extension Grpc_Health_V1_HealthCheckResponse {
    fileprivate init(_ status: ServingState.Status) {
        self.init()
        self.status = status == .serving ? .serving : .notServing
    }
}

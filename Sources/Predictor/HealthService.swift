import GRPCCore
import HealthAPI
import Inference
import PredictionAPI

/// `grpc.health.v1.Health` for the server as a whole (the empty name) and for the prediction service.
///
/// Source: "GRPC Health Checking Protocol", https://github.com/grpc/grpc/blob/master/doc/health-checking.md
struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    let state: ServingState

    private static let knownServices = [
        "", Prediction_V1_PredictionService.descriptor.fullyQualifiedService,
    ]

    func check(
        request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard Self.knownServices.contains(request.service) else {
            throw RPCError(code: .notFound, message: "there is no service '\(request.service)' here")
        }
        return Self.response(state.status)
    }

    func list(
        request: Grpc_Health_V1_HealthListRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthListResponse {
        let response = Self.response(state.status)
        var list = Grpc_Health_V1_HealthListResponse()
        for service in Self.knownServices { list.statuses[service] = response }
        return list
    }

    func watch(
        request: Grpc_Health_V1_HealthCheckRequest,
        response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        let isKnown = Self.knownServices.contains(request.service)
        if !isKnown { try await response.write(Self.response(.serviceUnknown)) }
        for await status in state.statuses() where isKnown {
            try await response.write(Self.response(status))
        }
        // The call was cancelled, or the process is stopping; a watch must not delay that.
        throw RPCError(code: .unavailable, message: "the server is shutting down")
    }

    private static func response(_ status: ServingState.Status) -> Grpc_Health_V1_HealthCheckResponse {
        response(status == .serving ? .serving : .notServing)
    }

    private static func response(
        _ status: Grpc_Health_V1_HealthCheckResponse.ServingStatus
    ) -> Grpc_Health_V1_HealthCheckResponse {
        var response = Grpc_Health_V1_HealthCheckResponse()
        response.status = status
        return response
    }
}

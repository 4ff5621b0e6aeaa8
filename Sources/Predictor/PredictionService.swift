import GRPCCore
import Inference
import OpenInference
import PredictionAPI

/// `prediction.v1.PredictionService`.
struct PredictionService: Prediction_V1_PredictionService.SimpleServiceProtocol {
    let state: ServingState
    /// The requested version: all that is known before the model is loaded.
    let configuredVersion: String?

    func predict(
        request: Prediction_V1_PredictRequest, context: ServerContext
    ) async throws -> Prediction_V1_PredictResponse {
        try answer { served throws(InferenceFailure) in try served.predict(request) }
    }

    func predictBatch(
        request: Prediction_V1_PredictBatchRequest, context: ServerContext
    ) async throws -> Prediction_V1_PredictBatchResponse {
        try answer { served throws(InferenceFailure) in try served.predictBatch(request) }
    }

    func predictStream(
        request: RPCAsyncSequence<Prediction_V1_PredictRequest, any Error>,
        response: RPCWriter<Prediction_V1_PredictResponse>,
        context: ServerContext
    ) async throws {
        var row = 0
        for try await message in request {
            let answer = try answer { served throws(InferenceFailure) in try served.predict(message, row: row) }
            try await response.write(answer)
            row += 1
        }
    }

    func health(
        request: Prediction_V1_HealthRequest, context: ServerContext
    ) async throws -> Prediction_V1_HealthResponse {
        var response = Prediction_V1_HealthResponse()
        response.status = state.status == .serving ? .serving : .notServing
        response.modelVersion = state.model?.version ?? configuredVersion ?? ""
        return response
    }

    private func answer<Response>(
        _ predict: (ServedModel) throws(InferenceFailure) -> Response
    ) throws(RPCError) -> Response {
        guard let served = state.model else {
            throw RPCError(code: .unavailable, message: "the model is still being loaded")
        }
        do throws(InferenceFailure) {
            return try predict(served)
        } catch {
            throw RPCError(code: .invalidArgument, message: error.message)
        }
    }
}

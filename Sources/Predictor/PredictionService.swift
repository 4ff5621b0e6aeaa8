import Estimators
import GRPCCore
import Inference
import PredictionAPI

/// `prediction.v1.PredictionService`.
struct PredictionService: Prediction_V1_PredictionService.SimpleServiceProtocol {
    let state: ServingState
    /// The requested version: all that is known before the model is loaded.
    let configuredVersion: String?

    func predict(
        request: Prediction_V1_PredictRequest, context: ServerContext
    ) async throws -> Prediction_V1_PredictResponse {
        try answer(request, row: 0)
    }

    func predictStream(
        request: RPCAsyncSequence<Prediction_V1_PredictRequest, any Error>,
        response: RPCWriter<Prediction_V1_PredictResponse>,
        context: ServerContext
    ) async throws {
        var row = 0
        for try await message in request {
            try await response.write(try answer(message, row: row))
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

    private func answer(
        _ request: Prediction_V1_PredictRequest, row: Int
    ) throws(RPCError) -> Prediction_V1_PredictResponse {
        guard let served = state.model else {
            throw RPCError(code: .unavailable, message: "the model is still being loaded")
        }
        let answer: Model.Answer
        do {
            answer = try served.model.predict(Table(row: request.features), probabilities: true)
        } catch {
            throw RPCError(code: .invalidArgument, message: error.shifted(by: row).description)
        }
        guard case .classification(let classification) = answer else {
            throw RPCError(code: .failedPrecondition, message: "the model is a regressor; it has no classes")
        }
        var response = Prediction_V1_PredictResponse()
        response.label = served.labels[classification.classIndices[0]]
        response.probabilities = zip(served.labels, classification.probabilities?.values ?? []).map {
            label, probability in
            var entry = Prediction_V1_ClassProbability()
            entry.label = label
            entry.probability = probability
            return entry
        }
        response.modelVersion = served.version
        response.requestID = request.requestID
        return response
    }
}

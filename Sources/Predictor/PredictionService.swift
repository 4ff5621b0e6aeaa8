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
        let prediction: Prediction
        do {
            prediction = try served.model.predict(request.features.span)
        } catch {
            throw RPCError(code: .invalidArgument, message: RequestError.row(row, .features(error)).description)
        }
        var response = Prediction_V1_PredictResponse()
        response.label = served.labels[prediction.classIndex]
        response.probabilities = zip(served.labels, prediction.probabilities).map { label, probability in
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

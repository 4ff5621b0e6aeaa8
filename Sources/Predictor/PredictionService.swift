import GRPCServer
import Ground
import Inference
import OpenInference
import PredictionAPI
import SwiftProtobuf

/// `prediction.v1.PredictionService`.
struct PredictionService: Sendable {
    let state: ServingState
    let models: LoadedModels
    /// The requested version: all that is known before the model is loaded.
    let configuredVersion: String?

    static let name = "prediction.v1.PredictionService"

    var methods: [Method] {
        [
            Method("\(Self.name)/Predict", unary: { _, message in predict(message) }),
            Method("\(Self.name)/PredictBatch", unary: { _, message in predictBatch(message) }),
            Method("\(Self.name)/PredictStream", streaming: { _ in PredictionStream(models: models) }),
            Method("\(Self.name)/Health", unary: { _, _ in health() }),
        ]
    }

    private func predict(_ message: [UInt8]) -> UnaryOutcome {
        answer(message.count) { served throws(InferenceFailure) in
            try served.predict(try Prediction_V1_PredictRequest(decoding: message)).encoded
        }
    }

    private func predictBatch(_ message: [UInt8]) -> UnaryOutcome {
        answer(message.count) { served throws(InferenceFailure) in
            try served.predictBatch(try Prediction_V1_PredictBatchRequest(decoding: message)).encoded
        }
    }

    private func answer(
        _ bytes: Int, _ predict: @escaping @Sendable (ServedModel) throws(InferenceFailure) -> [UInt8]
    ) -> UnaryOutcome {
        guard let content = models.content else { return .failure(.loading) }
        guard let served = content.main else { return .failure(.severalModels) }
        return .workingOut(isLong: content.isLong(bytes)) { () throws(InferenceFailure) in try predict(served) }
    }

    private func health() -> UnaryOutcome {
        var response = Prediction_V1_HealthResponse()
        response.status = state.status == .serving ? .serving : .notServing
        response.modelVersion = state.model?.version ?? configuredVersion ?? ""
        return .encoding(response)
    }
}

/// One call of `PredictStream`: the n-th response answers the n-th request.
private final class PredictionStream: StreamHandler {
    private let models: LoadedModels
    private var row = 0

    init(models: LoadedModels) {
        self.models = models
    }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard let content = models.content else { return call.finish(.loading) }
        guard let served = content.main else { return call.finish(.severalModels) }
        call.answer(isLong: content.isLong(message.count), holding: message.count) {
            [row] () throws(InferenceFailure) in
            try served.predict(try Prediction_V1_PredictRequest(decoding: message), row: row).encoded
        }
        row += 1
    }

    func roomWasMade(_ call: ServerCall) { call.resumeReading() }

    func requestEnded(_ call: ServerCall) { call.finish() }
}

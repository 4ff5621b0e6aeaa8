import Ground
import Estimators
import GRPCServer
import Inference
import PredictionAPI
import SwiftProtobuf

/// `prediction.v1.PredictionService`.
struct PredictionService: Sendable {
    let state: ServingState
    /// The requested version: all that is known before the model is loaded.
    let configuredVersion: String?

    static let name = "prediction.v1.PredictionService"

    var methods: [Method] {
        [
            Method("\(Self.name)/Predict", unary: { _, message in predict(message) }),
            Method("\(Self.name)/PredictStream", streaming: { _ in PredictionStream(service: self) }),
            Method("\(Self.name)/Health", unary: { _, _ in health() }),
        ]
    }

    private func predict(_ message: [UInt8]) -> UnaryOutcome {
        .decoding(Prediction_V1_PredictRequest.self, message) { request in
            switch answer(request, row: 0) {
            case .success(let response): .encoding(response)
            case .failure(let status): .failure(status)
            }
        }
    }

    private func health() -> UnaryOutcome {
        var response = Prediction_V1_HealthResponse()
        response.status = state.status == .serving ? .serving : .notServing
        response.modelVersion = state.model?.version ?? configuredVersion ?? ""
        return .encoding(response)
    }

    fileprivate func answer(
        _ request: Prediction_V1_PredictRequest, row: Int
    ) -> Result<Prediction_V1_PredictResponse, RPCStatus> {
        guard let served = state.model else {
            return .failure(RPCStatus(.unavailable, "the model is still being loaded"))
        }
        let answer: Model.Answer
        do {
            answer = try served.model.predict(Table(row: request.features), probabilities: true)
        } catch {
            return .failure(RPCStatus(.invalidArgument, error.shifted(by: row).description))
        }
        guard case .classification(let classification) = answer else {
            return .failure(RPCStatus(.failedPrecondition, "the model is a regressor; it has no classes"))
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
        return .success(response)
    }
}

/// One call of `PredictStream`: the n-th response answers the n-th request.
private final class PredictionStream: StreamHandler {
    private let service: PredictionService
    private var row = 0

    init(service: PredictionService) {
        self.service = service
    }

    func received(_ message: [UInt8], _ call: ServerCall) {
        guard let request = try? Prediction_V1_PredictRequest(serializedBytes: message) else {
            return call.finish(.notA(Prediction_V1_PredictRequest.self))
        }
        switch service.answer(request, row: row) {
        case .success(let response): call.send(response.encoded)
        case .failure(let status): return call.finish(status)
        }
        row += 1
        // A client that doesn't read its answers has no more of its requests read.
        if !call.hasRoom { call.pauseReading() }
    }

    func roomWasMade(_ call: ServerCall) { call.resumeReading() }

    func requestEnded(_ call: ServerCall) { call.finish() }
}

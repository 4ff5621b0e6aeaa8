import Estimators
import Inference
import OpenInference
import PredictionAPI
import Testing

@Suite("prediction.v1")
struct PredictionV1Tests {
    private let classifier = TestModels.pickled("strings", version: "v2")
    private let regressor = ServedModel(
        TestModels.sums(features: Features(count: 2), target: .numbers(2)), version: "v3", sha256: "")

    private func batch(_ features: [Double], width: UInt32) -> Prediction_V1_PredictBatchRequest {
        var request = Prediction_V1_PredictBatchRequest()
        request.features = features
        request.rowWidth = width
        request.requestID = "r"
        return request
    }

    @Test("A batch has for each row what a single row has")
    func classes() throws {
        let rows: [[Double]] = [[5.1, 3.5, 1.4, 0.2], [1, 5, 9, 1]]
        let batch = try classifier.predictBatch(batch(rows.flatMap { $0 }, width: 4))
        #expect(batch.classes == classifier.labels && batch.modelVersion == "v2" && batch.requestID == "r")
        #expect(batch.values.isEmpty && batch.valuesPerRow == 0)
        for (index, row) in rows.enumerated() {
            var request = Prediction_V1_PredictRequest()
            request.features = row
            let single = try classifier.predict(request)
            #expect(single.label == batch.labels[index] && single.values.isEmpty)
            #expect(single.probabilities.map(\.probability) == Array(batch.probabilities[3 * index..<3 * index + 3]))
            #expect(single.probabilities.map(\.label) == batch.classes)
        }
    }

    @Test("A regressor's numbers")
    func numbers() throws {
        var request = Prediction_V1_PredictRequest()
        request.features = [1, 2]
        request.requestID = "x"
        let single = try regressor.predict(request)
        #expect(
            single.values == [3, 2] && single.label.isEmpty && single.requestID == "x" && single.modelVersion == "v3")
        let batch = try regressor.predictBatch(batch([1, 2, 3, 4], width: 2))
        #expect(
            batch.values == [3, 2, 7, 4] && batch.valuesPerRow == 2 && batch.labels.isEmpty && batch.classes.isEmpty)
    }

    @Test("What is refused, with the row")
    func refused() {
        for (features, width) in [([], 2), ([1, 2, 3], 2), ([1, 2], 0)] as [([Double], UInt32)] {
            #expect(throws: InferenceFailure.self) { try regressor.predictBatch(batch(features, width: width)) }
        }
        #expect(throws: InferenceFailure.invalidArgument("row 1: feature 0 is NaN, not a finite number")) {
            try regressor.predictBatch(batch([1, 2, .nan, 4], width: 2))
        }
        #expect(throws: InferenceFailure.invalidArgument("row 0: 3 features, but the model takes 2")) {
            try regressor.predictBatch(batch([1, 2, 3], width: 3))
        }
        var request = Prediction_V1_PredictRequest()
        request.features = [1]
        #expect(throws: InferenceFailure.invalidArgument("row 5: 1 feature, but the model takes 2")) {
            try regressor.predict(request, row: 5)
        }
    }
}

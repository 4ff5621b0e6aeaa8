import Estimators
import Inference
import PredictionAPI

/// The messages of `prediction.v1`, this project's own and simpler protocol, for one model.
extension ServedModel {
    /// Predicts one row.
    ///
    /// - Parameter row: the row's number for the message, if it is one of a stream.
    package func predict(
        _ request: Prediction_V1_PredictRequest, row: Int = 0
    ) throws(InferenceFailure) -> Prediction_V1_PredictResponse {
        let answer: Model.Answer
        do throws(FeatureError) {
            answer = try model.predict(Table(row: request.features), probabilities: true)
        } catch {
            throw InferenceFailure(error.shifted(by: row))
        }
        var response = Prediction_V1_PredictResponse()
        switch answer {
        case .classification(let classification):
            response.label = labels[classification.classIndices[0]]
            if let probabilities = classification.probabilities {
                response.probabilities.reserveCapacity(labels.count)
                for (label, probability) in zip(labels, probabilities.values) {
                    var entry = Prediction_V1_ClassProbability()
                    entry.label = label
                    entry.probability = probability
                    response.probabilities.append(entry)
                }
            }
        case .regression(let numbers):
            response.values = numbers.values
        }
        response.modelVersion = version
        response.requestID = request.requestID
        return response
    }

    /// Predicts many rows.
    package func predictBatch(
        _ request: Prediction_V1_PredictBatchRequest
    ) throws(InferenceFailure) -> Prediction_V1_PredictBatchResponse {
        let width = Int(request.rowWidth)
        guard width > 0, !request.features.isEmpty, request.features.count.isMultiple(of: width) else {
            throw .invalidArgument(
                "\(request.features.count) features are not one or more rows of row_width \(width)")
        }
        let matrix = Matrix(rows: request.features.count / width, columns: width, values: request.features)
        let answer: Model.Answer
        do throws(FeatureError) {
            answer = try model.predict(Table(matrix), probabilities: true)
        } catch {
            throw InferenceFailure(error)
        }
        var response = Prediction_V1_PredictBatchResponse()
        switch answer {
        case .classification(let classification):
            response.labels = classification.classIndices.map { labels[$0] }
            response.classes = labels
            response.probabilities = classification.probabilities?.values ?? []
        case .regression(let numbers):
            response.values = numbers.values
            response.valuesPerRow = UInt32(numbers.columns)
        }
        response.modelVersion = version
        response.requestID = request.requestID
        return response
    }
}

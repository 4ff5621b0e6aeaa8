import Pickle

/// scikit-learn's `AdaBoostRegressor`: the weighted median of what regressors predict.
///
/// Source: `sklearn/ensemble/_weight_boosting.py`, `_get_median_predict`.
struct AdaBoostRegressor: Regressor {
    let features: Features
    private let members: [any Regressor]
    /// One for each member.
    private let weights: [Double]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        members = try estimator.regressors(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.ownFeatures(unusual: .none)
        guard members.allSatisfy({ [features] in $0.features.count == features.count }) else {
            throw estimator.disagreement(about: "n_features_in_ and those of the estimators inside")
        }
        let weights = try estimator.vector("estimator_weights_")
        guard weights.count >= members.count, weights.allSatisfy({ $0 >= 0 }) else {
            throw estimator.unusable(
                "estimator_weights_", try estimator.required("estimator_weights_"),
                expected: "at least \(members.count) weights")
        }
        self.weights = Array(weights.prefix(members.count))
    }

    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { members.reduce(100) { $0 + $1.nanosecondsPerRow + 20 } }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        let table = Table(try table.matrix(for: features))
        var predictions: [[Double]] = []
        for member in members { predictions.append(try member.predict(table).values) }
        var answer = Matrix(rows: table.rows, columns: 1)
        for row in 0..<table.rows {
            let order = members.indices.sorted { predictions[$0][row] < predictions[$1][row] }
            var sums: [Double] = []
            var sum = 0.0
            for member in order {
                sum += weights[member]
                sums.append(sum)
            }
            // The last sum is at least its own half.
            let median = sums.firstIndex { $0 >= 0.5 * sum } ?? 0
            answer.values[row] = predictions[order[median]][row]
        }
        return answer
    }
}

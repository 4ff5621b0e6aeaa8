import Pickle

/// scikit-learn's `VotingRegressor`: the mean of what regressors predict.
///
/// Source: `sklearn/ensemble/_voting.py`.
struct VotingRegressor: Regressor {
    let features: Features
    private let members: [any Regressor]
    /// One for each member; nil for equal ones.
    private let weights: [Double]?

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        members = try estimator.regressors(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.sharedFeatures(members.map(\.features))
        weights = try estimator.weights(count: members.count)
    }

    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow } }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        var sums = Matrix(rows: table.rows, columns: 1)
        for (index, member) in members.enumerated() {
            let answer = try member.predict(table)
            for row in 0..<table.rows { sums.values[row] += answer.values[row] * (weights?[index] ?? 1) }
        }
        let total = weights?.pairwiseSum ?? Double(members.count)
        for row in 0..<table.rows { sums.values[row] /= total }
        return sums
    }
}

import Pickle

/// scikit-learn's `MultiOutputRegressor`: a regressor for each number.
///
/// Source: `sklearn/multioutput.py`.
struct MultiOutputRegressor: Regressor {
    let features: Features
    private let members: [any Regressor]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        members = try estimator.regressors(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.sharedFeatures(members.map(\.features))
    }

    var target: RegressionTarget { .numbers(members.count) }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow } }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        var answer = Matrix(rows: table.rows, columns: members.count)
        for (column, member) in members.enumerated() {
            let numbers = try member.predict(table).values
            for row in 0..<table.rows { answer[row, column] = numbers[row] }
        }
        return answer
    }
}

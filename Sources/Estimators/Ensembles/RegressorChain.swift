import Pickle

/// scikit-learn's `RegressorChain`: a regressor for each number, which is given the numbers before it as well.
///
/// Source: `sklearn/multioutput.py`, `_BaseChain._get_predictions`.
struct RegressorChain: Regressor {
    let features: Features
    private let members: [any Regressor]
    /// The place of each member's number among the answer's.
    private let places: [Int]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        members = try estimator.regressors(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.ownFeatures(unusual: .none)
        let order = try estimator.required("order_")
        places = try estimator.places(order, below: members.count, of: "order_")
        guard places.count == members.count, Set(places).count == members.count else {
            throw estimator.unusable("order_", order, expected: "each of \(members.count) numbers once")
        }
        guard members.enumerated().allSatisfy({ [features] in $1.features.count == features.count + $0 }) else {
            throw estimator.disagreement(about: "n_features_in_ and those of the estimators inside")
        }
    }

    var target: RegressionTarget { .numbers(members.count) }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow + features.count } }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        let given = try table.matrix(for: features)
        var known = given
        var answer = Matrix(rows: given.rows, columns: members.count)
        for (index, member) in members.enumerated() {
            let numbers = try member.predict(Table(known)).values
            if numbers.contains(where: { !$0.isFinite }) { throw .row(0, .overflow) }
            answer.replaceColumn(places[index], with: numbers)
            var wider = Matrix(rows: known.rows, columns: known.columns + 1)
            wider.replaceColumns(from: 0, with: known)
            wider.replaceColumn(known.columns, with: numbers)
            known = wider
        }
        return answer
    }
}

import Pickle

/// scikit-learn's `SGDOneClassSVM`: 1 for what is like the training data, and -1 for what isn't.
///
/// Source: scikit-learn, `sklearn/linear_model/_stochastic_gradient.py`, `SGDOneClassSVM`.
struct SGDOneClassSVM: Classifier {
    let classes: [ClassLabel] = [.integer(-1), .integer(1)]
    let features: Features
    private let score: LinearMap

    init(_ estimator: PickledEstimator) throws(ModelError) {
        let coefficients = try estimator.vector("coef_")
        features = try estimator.features(count: coefficients.count, by: "coef_")
        let offsets = try estimator.constants("offset_", count: 1)
        score = LinearMap(weights: coefficients, inputCount: features.count, constants: [-offsets[0]])
    }

    let hasProbabilities = false
    var nanosecondsPerRow: Int { score.weightCount / 2 + 2 }

    var decisionCount: Int? { 1 }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let scores = score(try table.matrix(for: features))
        try scores.checkDecisions()
        return scores
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        Classification(classIndices: try decisions(table).values.map { $0 >= 0 ? 1 : 0 })
    }
}

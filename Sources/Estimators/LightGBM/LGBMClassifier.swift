import Pickle

/// LightGBM's `LGBMClassifier`.
///
/// Source: LightGBM, `python-package/lightgbm/sklearn.py`, `LGBMClassifier.predict_proba`.
struct LGBMClassifier: Classifier {
    let classes: [ClassLabel]
    /// Whether the version that wrote the model, 4.7 or later, has a `decision_function`.
    private let hasDecisionFunction: Bool
    private let model: LightGBMModel

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        model = try LightGBMModel(estimator, with: &reader)
        classes = try estimator.classes("_classes")
        guard classes.count >= 2, model.width == classes.count || classes.count == 2 && model.width == 1 else {
            throw estimator.unusable(
                "_classes", try estimator.required("_classes"), expected: "classes for \(model.width) sums")
        }
        hasDecisionFunction = estimator.optional("_fitted_with_feature_names") != nil
        // A function instead of an objective's name leaves the sums as they are.
        let objective = estimator.optional("_objective") ?? .none
        guard case .string = objective else {
            throw estimator.unusable("_objective", objective, expected: "an objective by name")
        }
    }

    var features: Features { model.features }
    let hasProbabilities = true
    var decisionCount: Int? { hasDecisionFunction ? model.width : nil }
    var nanosecondsPerRow: Int { model.nanosecondsPerRow }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix { try model.scores(table) }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var answers = try model.answers(table)
        if let place = answers.values.firstIndex(where: \.isNaN) { throw .row(place / answers.columns, .overflow) }
        if model.width == 1 {
            answers = Matrix(rows: answers.rows, columns: 2, values: answers.values.flatMap { [1 - $0, $0] })
        }
        return Classification(
            classIndices: answers.indicesOfMaxima, probabilities: probabilities ? answers : nil)
    }
}

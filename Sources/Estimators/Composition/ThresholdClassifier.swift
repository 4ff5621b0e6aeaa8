import Pickle

/// scikit-learn's `FixedThresholdClassifier` and `TunedThresholdClassifierCV`: a classifier of two classes that chooses one
/// of them from another score on.
///
/// Source: scikit-learn, `sklearn/model_selection/_classification_threshold.py`.
struct ThresholdClassifier: Classifier {
    private enum Score: Sendable {
        case probability
        case decision
    }

    private let inner: any Classifier
    private let score: Score
    /// The index of the class that is chosen from the threshold on.
    private let positive: Int
    private let threshold: Double

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let name = estimator.optional("estimator_") == nil ? "estimator" : "estimator_"
        inner = try estimator.classifiers([try estimator.required(name)], name, with: &reader)[0]
        let method = try estimator.word("response_method", of: ["auto", "predict_proba", "decision_function"])
        guard inner.classes.count == 2 else {
            throw estimator.unusable(name, try estimator.required(name), expected: "a classifier of two classes")
        }
        score = method == "predict_proba" || method == "auto" && inner.hasProbabilities ? .probability : .decision
        guard score == .probability ? inner.hasProbabilities : inner.decisionCount == 1 else {
            throw estimator.unusable("response_method", .string(method), expected: "one that the estimator has")
        }
        positive = try Self.positive(of: estimator, classes: inner.classes)
        if estimator.optional("threshold") == .string("auto") {
            threshold = score == .probability ? 0.5 : 0
        } else {
            threshold = try estimator.finiteNumber(
                estimator.optional("best_threshold_") == nil ? "threshold" : "best_threshold_")
        }
    }

    private static func positive(of estimator: PickledEstimator, classes: [ClassLabel]) throws(ModelError) -> Int {
        if estimator.kind.name == "TunedThresholdClassifierCV" {
            // The scorer, a function with parameters, knows the label. Scorers by name have none, or 1.
            let scorer = estimator.optional("scoring") ?? .none
            guard case .string(let name) = scorer,
                ["accuracy", "balanced_accuracy"].contains(name) || classes[1].isEqual(.integer(1))
                    || classes[1] == .boolean(true)
            else {
                throw estimator.unusable("scoring", scorer, expected: "'balanced_accuracy', or the classes 0 and 1")
            }
            return 1
        }
        let label = estimator.optional("pos_label") ?? .none
        if label == .none { return 1 }
        guard let index = classes.firstIndex(where: { $0.isEqual(label) }) else {
            throw estimator.unusable("pos_label", label, expected: "one of the classes")
        }
        return index
    }

    var features: Features { inner.features }
    var classes: [ClassLabel] { inner.classes }
    var hasProbabilities: Bool { inner.hasProbabilities }
    var decisionCount: Int? { inner.decisionCount }
    var nanosecondsPerRow: Int { 2 * inner.nanosecondsPerRow }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix { try inner.decisions(table) }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let answer = try inner.classify(
            table, probabilities: hasProbabilities && (probabilities || score == .probability))
        let scores: [Double] =
            switch score {
            case .probability: answer.probabilities?.column(positive) ?? []
            case .decision: try inner.decisions(table).values.map { positive == 1 ? $0 : -$0 }
            }
        return Classification(
            classIndices: scores.map { $0 >= threshold ? positive : 1 - positive },
            probabilities: probabilities ? answer.probabilities : nil)
    }
}

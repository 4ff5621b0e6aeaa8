import Pickle

/// scikit-learn's `HistGradientBoostingClassifier`.
struct HistGradientBoostingClassifier: Classifier {
    let classes: [ClassLabel]
    private let boosting: HistGradientBoosting
    private let scores: ClassScores

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        guard classes.count >= 2 else {
            throw estimator.unusable("classes_", try estimator.required("classes_"), expected: "two classes or more")
        }
        let loss = try estimator.required("loss")
        let names = ["log_loss", "auto", classes.count == 2 ? "binary_crossentropy" : "categorical_crossentropy"]
        guard case .string(let name) = loss, names.contains(name) else {
            throw estimator.unusable("loss", loss, expected: names.map { "'\($0)'" }.joined(separator: " or "))
        }
        scores = ClassScores(
            link: classes.count == 2 ? .logistic(factor: 1) : .softmax,
            decision: estimator.libraryVersion >= LibraryVersion(1, 5) ? .scoreAboveZero : .probability)
        self.classes = classes
        boosting = try HistGradientBoosting(
            estimator, width: ClassScores.count(for: classes.count), with: &reader)
    }

    var features: Features { boosting.features }
    let hasProbabilities = true
    let hasDecisions = true
    var nanosecondsPerRow: Int { boosting.nanosecondsPerRow }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix { try boosting.scores(table) }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let (indices, answer) = scores.classify(try boosting.scores(table), classes: classes.count)
        return Classification(classIndices: indices, probabilities: answer)
    }
}

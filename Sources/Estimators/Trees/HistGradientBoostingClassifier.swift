import Pickle

/// scikit-learn's `HistGradientBoostingClassifier`.
enum HistGradientBoostingClassifier {
    static func read(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Estimator {
        let classes = try estimator.boostedClasses()
        let loss = try estimator.required("loss")
        let names = ["log_loss", "auto", classes.count == 2 ? "binary_crossentropy" : "categorical_crossentropy"]
        guard case .string(let name) = loss, names.contains(name) else {
            throw estimator.unusable("loss", loss, expected: names.map { "'\($0)'" }.joined(separator: " or "))
        }
        let scores = ClassScores(
            link: classes.count == 2 ? .logistic(factor: 1) : .softmax,
            decision: estimator.libraryVersion >= LibraryVersion(1, 5) ? .scoreAboveZero : .probability)
        let boosting = try HistGradientBoosting(
            estimator, width: ClassScores.count(for: classes.count), with: &reader)
        return .classifier(BoostedClassifier(classes: classes, boosting: boosting, scores: scores))
    }
}

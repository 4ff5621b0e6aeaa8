import Pickle

/// scikit-learn's `GradientBoostingClassifier`.
enum GradientBoostingClassifier {
    static func read(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) -> Estimator {
        let classes = try estimator.boostedClasses()
        let version = estimator.libraryVersion
        let isRecent = version >= LibraryVersion(1, 4)
        let margin = version >= LibraryVersion(1, 8) ? Double.ulpOfOne : Double(Float.ulpOfOne)
        let loss: InitialScores.Link
        let scores: ClassScores
        switch (try estimator.required("loss"), classes.count) {
        case (.string("log_loss"), 2), (.string("deviance"), 2):
            scores = ClassScores(link: .logistic(factor: 1), decision: isRecent ? .scoreFromZero : .probability)
            loss = .logit(factor: 1)
        case (.string("exponential"), 2):
            scores = ClassScores(link: .logistic(factor: 2), decision: .scoreFromZero)
            loss = .logit(factor: 0.5)
        case (.string("log_loss"), _), (.string("deviance"), _):
            scores = ClassScores(
                link: isRecent ? .softmax : .normalized, decision: isRecent ? .scoreFromZero : .probability)
            loss = isRecent ? .symmetricLogarithm : .logarithm
        case (let value, _):
            throw estimator.unusable("loss", value, expected: "'log_loss', 'deviance' or 'exponential'")
        }
        let boosting = try GradientBoosting(
            estimator, width: ClassScores.count(for: classes.count), loss: InitialScores(link: loss, margin: margin),
            with: &reader)
        return .classifier(BoostedClassifier(classes: classes, boosting: boosting, scores: scores))
    }
}

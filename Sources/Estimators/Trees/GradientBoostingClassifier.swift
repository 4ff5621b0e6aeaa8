import Pickle

/// scikit-learn's `GradientBoostingClassifier`.
struct GradientBoostingClassifier: Classifier {
    let classes: [ClassLabel]
    private let boosting: GradientBoosting
    private let scores: ClassScores

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        guard classes.count >= 2 else {
            throw estimator.unusable("classes_", try estimator.required("classes_"), expected: "two classes or more")
        }
        let version = estimator.libraryVersion
        let isRecent = version >= LibraryVersion(1, 4)
        let margin = version >= LibraryVersion(1, 8) ? Double.ulpOfOne : Double(Float.ulpOfOne)
        let loss: InitialScores.Link
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
        self.classes = classes
        boosting = try GradientBoosting(
            estimator, width: ClassScores.count(for: classes.count), loss: InitialScores(link: loss, margin: margin),
            with: &reader)
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

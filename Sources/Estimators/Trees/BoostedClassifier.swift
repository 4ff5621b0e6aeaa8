/// What gives each row of a table a score, or one for each of several classes.
protocol RowScores: Sendable {
    /// The features that it takes.
    var features: Features { get }

    /// A measure of the time that one row takes, in nanoseconds, within a factor of three or so.
    var nanosecondsPerRow: Int { get }

    /// The scores of each row.
    ///
    /// - Throws: `FeatureError` if a row is not one that it takes.
    func scores(_ table: Table) throws(FeatureError) -> Matrix
}

/// A classifier that decides by the scores of boosted trees, which are its decisions, too.
struct BoostedClassifier: Classifier {
    let classes: [ClassLabel]
    let boosting: any RowScores
    let scores: ClassScores

    var features: Features { boosting.features }
    let hasProbabilities = true
    var decisionCount: Int? { ClassScores.count(for: classes.count) }
    var nanosecondsPerRow: Int { boosting.nanosecondsPerRow }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix { try boosting.scores(table) }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let (indices, answer) = scores.classify(try boosting.scores(table), classes: classes.count)
        return Classification(classIndices: indices, probabilities: answer)
    }
}

extension PickledEstimator {
    /// The classes of a boosted classifier, of which there are at least two.
    func boostedClasses() throws(ModelError) -> [ClassLabel] {
        let classes = try classes()
        guard classes.count >= 2 else {
            throw unusable("classes_", try required("classes_"), expected: "two classes or more")
        }
        return classes
    }
}

import Pickle

/// scikit-learn's `OneVsOneClassifier`: a classifier for each pair of classes.
///
/// Source: `sklearn/multiclass.py`.
struct OneVsOneClassifier: Classifier {
    let classes: [ClassLabel]
    let features: Features
    private let members: [any Classifier]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        classes = try estimator.classes()
        members = try estimator.tellingApart(with: &reader)
        // There is a member for every class beyond the first, so the product can't overflow.
        guard classes.count >= 2, classes.count <= members.count + 1,
            members.count == classes.count * (classes.count - 1) / 2
        else {
            throw estimator.unusable(
                "estimators_", try estimator.required("estimators_"), expected: "one for each pair of classes")
        }
        // Only kernels and distances that were computed elsewhere have places of rows.
        let places = estimator.optional("pairwise_indices_") ?? .none
        guard places == .none else { throw estimator.unusable("pairwise_indices_", places, expected: "None") }
        features = try estimator.sharedFeatures(members.map(\.features))
    }

    let hasProbabilities = false
    var decisionCount: Int? { ClassScores.count(for: classes.count) }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + 2 * $1.nanosecondsPerRow } }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let votes = try votes(table)
        return classes.count == 2 ? votes.selecting([1]) : votes
    }

    /// One number for each class.
    private func votes(_ table: Table) throws(FeatureError) -> Matrix {
        var answers: [(chosen: [Int], scores: [Double])] = []
        for member in members {
            answers.append(
                (try member.classify(table, probabilities: false).classIndices, try member.scoresOfSecond(table)))
        }
        var answer = Matrix(rows: table.rows, columns: classes.count)
        var votes = [Double](repeating: 0, count: classes.count)
        var confidences = votes
        for row in 0..<table.rows {
            PairwiseVotes.count(classes.count, votes: &votes, confidences: &confidences) { pair in
                (answers[pair].chosen[row] == 1, answers[pair].scores[row])
            }
            for (column, vote) in votes.enumerated() { answer[row, column] = vote }
        }
        return answer
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let votes = try votes(table)
        if classes.count > 2 { return Classification(classIndices: votes.indicesOfMaxima) }
        return Classification(
            classIndices: votes.column(1).map { $0 > members[0].thresholdOfSecond ? 1 : 0 })
    }
}

import Pickle

/// scikit-learn's `OneVsRestClassifier`: a classifier for each class that tells it from the rest.
///
/// Source: `sklearn/multiclass.py`.
struct OneVsRestClassifier: Classifier {
    let classes: [ClassLabel]
    let features: Features
    private let members: [any Classifier]
    /// Whether the last of several classes with the same score wins, and not the first.
    private let lastWins: Bool

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        let binarizer = try estimator.required("label_binarizer_")
        let attributes = try estimator.instance(binarizer, of: "LabelBinarizer", owner: "label_binarizer_").attributes
        guard let type = estimator.document.member("y_type_", of: attributes),
            type == .string("binary") || type == .string("multiclass")
        else {
            throw estimator.unusable(
                "label_binarizer_", binarizer, expected: "one for one class a row (several are not supported)")
        }
        let values = try estimator.items("estimators_")
        members = try estimator.classifiers(values, "estimators_", with: &reader)
        for (value, member) in zip(values, members) {
            let owner = try PickledEstimator(value, in: estimator.document, part: "OneVsRestClassifier.estimators_")
            guard member.hasDecisions || (estimator.lacksDecisions(owner) && member.hasProbabilities),
                member.classes.count == 2
            else {
                throw estimator.unusable(
                    "estimators_", value, expected: "classifiers of two classes whose scores are known here")
            }
        }
        guard classes.count >= 2, members.count == ClassScores.count(for: classes.count) else {
            throw estimator.unusable(
                "estimators_", try estimator.required("estimators_"), expected: "one for each class")
        }
        features = try estimator.sharedFeatures(members.map(\.features))
        lastWins = estimator.libraryVersion < Self.firstWhereFirstWins
        self.classes = classes
    }

    private static let firstWhereFirstWins = LibraryVersion(1, 8)

    var hasProbabilities: Bool { members.allSatisfy(\.hasProbabilities) }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow } }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var scores = Matrix(rows: table.rows, columns: members.count)
        var shares = Matrix(rows: table.rows, columns: classes.count)
        for (column, member) in members.enumerated() {
            let answer = try member.classify(table, probabilities: member.hasProbabilities).probabilities
            let decisions = member.hasDecisions ? try member.decisions(table) : nil
            for row in 0..<table.rows {
                let share = answer?[row, 1] ?? 0
                scores[row, column] = decisions?[row, 0] ?? share
                if members.count == 1 {
                    (shares[row, 0], shares[row, 1]) = (1 - share, share)
                } else {
                    shares[row, column] = share
                }
            }
        }
        let indices = (0..<table.rows).map { row in
            let row = scores.row(row)
            if members.count == 1 { return row[row.startIndex] > (members[0].hasDecisions ? 0 : 0.5) ? 1 : 0 }
            if lastWins { return members.count - 1 - Array(row.reversed()).indexOfMaximum }
            return row.indexOfMaximum
        }
        guard hasProbabilities else { return Classification(classIndices: indices) }
        for row in 0..<table.rows {
            let sum = shares.row(row).pairwiseSum
            if sum == 0 { continue }
            for column in classes.indices { shares[row, column] /= sum }
        }
        return Classification(classIndices: indices, probabilities: shares)
    }
}

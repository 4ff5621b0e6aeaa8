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
        members = try estimator.tellingApart(with: &reader)
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

    var decisionCount: Int? { members.allSatisfy(\.hasDecisions) ? members.count : nil }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix { try scores(table) }

    /// A score of each member for a row's not being among the rest.
    private func scores(_ table: Table) throws(FeatureError) -> Matrix {
        var scores = Matrix(rows: table.rows, columns: members.count)
        for (column, member) in members.enumerated() {
            scores.replaceColumn(column, with: try member.scoresOfSecond(table))
        }
        return scores
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let scores = try scores(table)
        let indices = (0..<table.rows).map { row in
            let row = scores.row(row)
            if members.count == 1 { return row[row.startIndex] > members[0].thresholdOfSecond ? 1 : 0 }
            if lastWins { return members.count - 1 - Array(row.reversed()).indexOfMaximum }
            return row.indexOfMaximum
        }
        return Classification(classIndices: indices, probabilities: probabilities ? try shares(table) : nil)
    }

    private func shares(_ table: Table) throws(FeatureError) -> Matrix {
        var shares = Matrix(rows: table.rows, columns: classes.count)
        for (column, member) in members.enumerated() {
            guard let answer = try member.classify(table, probabilities: true).probabilities else { continue }
            for row in 0..<table.rows {
                if members.count == 1 {
                    (shares[row, 0], shares[row, 1]) = (1 - answer[row, 1], answer[row, 1])
                } else {
                    shares[row, column] = answer[row, 1]
                }
            }
        }
        for row in 0..<table.rows {
            let sum = shares.row(row).pairwiseSum
            if sum == 0 { continue }
            for column in classes.indices { shares[row, column] /= sum }
        }
        return shares
    }
}

extension PickledEstimator {
    /// The classifiers in `estimators_`, each of which tells two classes apart and knows how sure it is.
    func tellingApart(with reader: inout ModelReader) throws(ModelError) -> [any Classifier] {
        let values = try items("estimators_")
        let members = try classifiers(values, "estimators_", with: &reader)
        for (value, member) in zip(values, members) {
            guard member.decisionCount == 1 || !member.hasDecisions && member.hasProbabilities,
                member.classes.count == 2
            else {
                throw unusable(
                    "estimators_", value, expected: "classifiers of two classes with decisions or probabilities")
            }
        }
        return members
    }
}

extension Classifier {
    /// How sure it is, of two classes, of the second: its decision where it has one, else the probability.
    ///
    /// Source: scikit-learn, `sklearn/multiclass.py`, `_predict_binary`.
    func scoresOfSecond(_ table: Table) throws(FeatureError) -> [Double] {
        if hasDecisions { return try decisions(table).values }
        let answer = try classify(table, probabilities: true).probabilities
        return answer?.column(1) ?? []
    }

    /// The score above which the second class is chosen. (`_threshold_for_binary_predict`)
    var thresholdOfSecond: Double { hasDecisions ? 0 : 0.5 }
}

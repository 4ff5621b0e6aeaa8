import Glibc
import Pickle

/// scikit-learn's `AdaBoostClassifier`: weighted votes of classifiers, or sums of their probabilities' logarithms.
///
/// Source: `sklearn/ensemble/_weight_boosting.py`, `decision_function` and `_compute_proba_from_decision`.
struct AdaBoostClassifier: Classifier {
    private enum Algorithm: Sendable {
        /// Each member's weight, and what it votes with against the other classes, as a share of its weight. `places` are
        /// those of its classes.
        case votes(weights: [Double], against: Double, places: [[Int]])
        /// `SAMME.R`, until scikit-learn 1.5.
        case logarithms
    }

    let classes: [ClassLabel]
    let features: Features
    private let members: [any Classifier]
    private let algorithm: Algorithm
    private let weightSum: Double

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        guard classes.count >= 2 else {
            throw estimator.unusable("classes_", try estimator.required("classes_"), expected: "two classes or more")
        }
        members = try estimator.classifiers(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.ownFeatures(unusual: .none)
        guard members.allSatisfy({ [features] in $0.features.count == features.count }) else {
            throw estimator.disagreement(about: "n_features_in_ and those of the estimators inside")
        }
        let weights = try estimator.vector("estimator_weights_")
        guard weights.count >= members.count, weights.pairwiseSum != 0 else {
            throw estimator.unusable(
                "estimator_weights_", try estimator.required("estimator_weights_"),
                expected: "at least \(members.count) weights whose sum is not 0")
        }
        weightSum = weights.pairwiseSum
        if estimator.optional("algorithm") == .string("SAMME.R") {
            guard members.allSatisfy({ $0.hasProbabilities && $0.classes == classes }) else {
                throw estimator.unusable(
                    "estimators_", try estimator.required("estimators_"),
                    expected: "classifiers that know the probabilities of the \(classes.count) classes")
            }
            algorithm = .logarithms
        } else {
            let places = try members.map { (member) throws(ModelError) in
                try estimator.places(of: member, among: classes, encoded: false, "estimators_")
            }
            let isRecent = estimator.libraryVersion >= Self.firstToVoteAgainst
            algorithm = .votes(weights: weights, against: isRecent ? -1 / Double(classes.count - 1) : 0, places: places)
        }
        self.classes = classes
    }

    /// The version since which a member votes against the classes that it doesn't choose.
    private static let firstToVoteAgainst = LibraryVersion(1, 3)

    let hasProbabilities = true
    var decisionCount: Int? { ClassScores.count(for: classes.count) }
    var nanosecondsPerRow: Int { members.reduce(100) { $0 + $1.nanosecondsPerRow + 20 * classes.count } }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let table = Table(try table.matrix(for: features))
        var sums = Matrix(rows: table.rows, columns: classes.count)
        for (index, member) in members.enumerated() {
            switch algorithm {
            case .votes(let weights, let against, let places):
                let answer = try member.classify(table, probabilities: false)
                for (row, vote) in answer.classIndices.enumerated() {
                    for place in classes.indices {
                        sums[row, place] += place == places[index][vote] ? weights[index] : against * weights[index]
                    }
                }
            case .logarithms:
                guard let answer = try member.classify(table, probabilities: true).probabilities else { continue }
                for row in 0..<table.rows { addLogarithms(answer.row(row), to: &sums, row) }
            }
        }
        for place in sums.values.indices { sums.values[place] /= weightSum }
        guard classes.count == 2 else { return sums }
        return Matrix(rows: table.rows, columns: 1, values: (0..<table.rows).map { -sums[$0, 0] + sums[$0, 1] })
    }

    private func addLogarithms(_ probabilities: ArraySlice<Double>, to sums: inout Matrix, _ row: Int) {
        let logarithms = probabilities.map { log(max($0, .ulpOfOne)) }
        let mean = 1 / Double(classes.count) * logarithms.pairwiseSum
        for (place, logarithm) in logarithms.enumerated() {
            sums[row, place] += Double(classes.count - 1) * (logarithm - mean)
        }
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let decisions = try decisions(table)
        var indices: [Int] = []
        var answer = Matrix(rows: table.rows, columns: classes.count)
        for row in 0..<table.rows {
            let scores: [Double]
            if classes.count == 2 {
                let decision = decisions.values[row]
                indices.append(decision > 0 ? 1 : 0)
                scores = [-decision / 2, decision / 2]
            } else {
                indices.append(decisions.row(row).indexOfMaximum)
                scores = decisions.row(row).map { $0 / Double(classes.count - 1) }
            }
            let largest = scores[scores.indexOfMaximum]
            let exponentials = scores.map { exp($0 - largest) }
            let sum = exponentials.pairwiseSum
            for (place, exponential) in exponentials.enumerated() { answer[row, place] = exponential / sum }
        }
        return Classification(classIndices: indices, probabilities: answer)
    }
}

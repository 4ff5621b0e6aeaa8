import Pickle

/// scikit-learn's `VotingClassifier`: the class that most classifiers vote for, or that is the most probable on average.
///
/// Source: `sklearn/ensemble/_voting.py`.
struct VotingClassifier: Classifier {
    private enum Voting: Sendable {
        /// The places of each classifier's classes.
        case hard([[Int]])
        case soft
    }

    let classes: [ClassLabel]
    let features: Features
    private let members: [any Classifier]
    /// One for each member; nil for equal ones.
    private let weights: [Double]?
    private let voting: Voting

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        members = try estimator.classifiers(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.sharedFeatures(members.map(\.features))
        weights = try estimator.weights(count: members.count)
        switch try estimator.required("voting") {
        case .string("hard"):
            voting = .hard(
                try members.map { (member) throws(ModelError) in
                    try estimator.places(of: member, among: classes, encoded: true, "estimators_")
                })
        case .string("soft"):
            guard members.allSatisfy({ $0.hasProbabilities && $0.classes.count == classes.count }) else {
                throw estimator.unusable(
                    "estimators_", try estimator.required("estimators_"),
                    expected: "classifiers that know the probabilities of \(classes.count) classes")
            }
            voting = .soft
        case let value:
            throw estimator.unusable("voting", value, expected: "'hard' or 'soft'")
        }
        self.classes = classes
    }

    var hasProbabilities: Bool { if case .soft = voting { true } else { false } }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow } }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var sums = Matrix(rows: table.rows, columns: classes.count)
        for (index, member) in members.enumerated() {
            let weight = weights?[index] ?? 1
            switch voting {
            case .hard(let places):
                let answer = try member.classify(table, probabilities: false)
                for (row, vote) in answer.classIndices.enumerated() { sums[row, places[index][vote]] += weight }
            case .soft:
                guard let answer = try member.classify(table, probabilities: true).probabilities else { continue }
                for place in sums.values.indices { sums.values[place] += answer.values[place] * weight }
            }
        }
        guard case .soft = voting else { return Classification(classIndices: sums.indicesOfMaxima) }
        let total = weights?.pairwiseSum ?? Double(members.count)
        for place in sums.values.indices { sums.values[place] /= total }
        return Classification(classIndices: sums.indicesOfMaxima, probabilities: sums)
    }
}

/// scikit-learn's `VotingRegressor`: the mean of what regressors predict.
///
/// Source: `sklearn/ensemble/_voting.py`.
struct VotingRegressor: Regressor {
    let features: Features
    private let members: [any Regressor]
    /// One for each member; nil for equal ones.
    private let weights: [Double]?

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        members = try estimator.regressors(try estimator.items("estimators_"), "estimators_", with: &reader)
        features = try estimator.sharedFeatures(members.map(\.features))
        weights = try estimator.weights(count: members.count)
    }

    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow } }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        var sums = Matrix(rows: table.rows, columns: 1)
        for (index, member) in members.enumerated() {
            let answer = try member.predict(table)
            for row in 0..<table.rows { sums.values[row] += answer.values[row] * (weights?[index] ?? 1) }
        }
        let total = weights?.pairwiseSum ?? Double(members.count)
        for row in 0..<table.rows { sums.values[row] /= total }
        return sums
    }
}

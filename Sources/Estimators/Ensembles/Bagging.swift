import Pickle

/// The members of scikit-learn's `BaggingClassifier` and `BaggingRegressor`, each with the features that it is given.
private struct BaggedFeatures: Sendable {
    let features: Features
    private let choices: [[Int]]

    init(_ estimator: PickledEstimator, members: [Features]) throws(ModelError) {
        features = try estimator.ownFeatures(unusual: .any)
        let lists = try estimator.items("estimators_features_")
        guard lists.count == members.count else {
            throw estimator.unusable(
                "estimators_features_", try estimator.required("estimators_features_"),
                expected: "the features of \(members.count) estimators")
        }
        var choices: [[Int]] = []
        for (list, member) in zip(lists, members) {
            guard case .node(let node) = list, case .array(let array) = estimator.document[node],
                case .integers(let chosen) = array.elements, chosen.count == member.count,
                chosen.allSatisfy((0..<features.count).contains)
            else {
                throw estimator.unusable(
                    "estimators_features_", list, expected: "the places of \(member.count) features")
            }
            choices.append(chosen)
        }
        self.choices = choices
    }

    /// The tables that the members are given.
    func tables(_ table: Table) throws(FeatureError) -> (Int) -> Table {
        let matrix = try table.matrix(for: features)
        return { Table(matrix.selecting(choices[$0])) }
    }
}

/// scikit-learn's `BaggingClassifier`: the mean of the probabilities that classifiers give, or of their votes.
///
/// Source: `sklearn/ensemble/_bagging.py`.
struct BaggingClassifier: Classifier {
    let classes: [ClassLabel]
    private let members: [any Classifier]
    /// The places of each member's classes.
    private let places: [[Int]]
    private let bagged: BaggedFeatures

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        members = try estimator.classifiers(try estimator.items("estimators_"), "estimators_", with: &reader)
        places = try members.map { (member) throws(ModelError) in
            try estimator.places(of: member, among: classes, encoded: true, "estimators_")
        }
        bagged = try BaggedFeatures(estimator, members: members.map(\.features))
        self.classes = classes
    }

    var features: Features { bagged.features }
    let hasProbabilities = true
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow + 100 } }

    var decisionCount: Int? {
        let count = ClassScores.count(for: classes.count)
        return members.allSatisfy { $0.decisionCount == count } ? count : nil
    }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        var sums = Matrix(rows: table.rows, columns: ClassScores.count(for: classes.count))
        let tables = try bagged.tables(table)
        for (index, member) in members.enumerated() {
            let decisions = try member.decisions(tables(index))
            for place in sums.values.indices { sums.values[place] += decisions.values[place] }
        }
        for place in sums.values.indices { sums.values[place] /= Double(members.count) }
        return sums
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var sums = Matrix(rows: table.rows, columns: classes.count)
        let tables = try bagged.tables(table)
        for (index, member) in members.enumerated() {
            let answer = try member.classify(tables(index), probabilities: member.hasProbabilities)
            for row in 0..<table.rows {
                if let probabilities = answer.probabilities, member.hasProbabilities {
                    for (column, place) in places[index].enumerated() {
                        sums[row, place] += probabilities[row, column]
                    }
                } else {
                    sums[row, places[index][answer.classIndices[row]]] += 1
                }
            }
        }
        for place in sums.values.indices { sums.values[place] /= Double(members.count) }
        return Classification(classIndices: sums.indicesOfMaxima, probabilities: sums)
    }
}

/// scikit-learn's `BaggingRegressor`: the mean of what regressors predict.
///
/// Source: `sklearn/ensemble/_bagging.py`.
struct BaggingRegressor: Regressor {
    private let members: [any Regressor]
    private let bagged: BaggedFeatures

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        members = try estimator.regressors(try estimator.items("estimators_"), "estimators_", with: &reader)
        bagged = try BaggedFeatures(estimator, members: members.map(\.features))
    }

    var features: Features { bagged.features }
    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { members.reduce(50) { $0 + $1.nanosecondsPerRow + 100 } }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        var sums = Matrix(rows: table.rows, columns: 1)
        let tables = try bagged.tables(table)
        for (index, member) in members.enumerated() {
            let answer = try member.predict(tables(index))
            for row in 0..<table.rows { sums.values[row] += answer.values[row] }
        }
        for row in 0..<table.rows { sums.values[row] /= Double(members.count) }
        return sums
    }
}

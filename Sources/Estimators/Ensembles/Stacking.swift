import Pickle

/// The features that scikit-learn's `StackingClassifier` and `StackingRegressor` make for their last estimator: what other
/// estimators predict.
///
/// Source: `sklearn/ensemble/_stacking.py`, `_concatenate_predictions`.
private struct StackedFeatures: Sendable {
    private enum Member: Sendable {
        /// All probabilities, or those but the first.
        case probabilities(any Classifier, all: Bool)
        case decisions(any Classifier)
        /// The classes' labels, which are numbers.
        case labels(any Classifier, [Double])
        case numbers(any Regressor)
    }

    let features: Features
    let nanosecondsPerRow: Int
    private let members: [Member]
    private let passesThrough: Bool

    /// - Parameter classCount: the number of classes; nil for a regressor.
    init(
        _ estimator: PickledEstimator, classCount: Int?, with reader: inout ModelReader
    ) throws(ModelError) {
        let read = try estimator.members(try estimator.items("estimators_"), "estimators_", with: &reader)
        let methods = try estimator.items("stack_method_")
        guard methods.count == read.count else {
            throw estimator.unusable(
                "stack_method_", try estimator.required("stack_method_"), expected: "\(read.count) methods")
        }
        var members: [Member] = []
        for (member, method) in zip(read, methods) {
            switch (member, method) {
            case (.classifier(let classifier), .string("predict_proba")) where classifier.hasProbabilities:
                members.append(.probabilities(classifier, all: classCount != 2))
            case (.classifier(let classifier), .string("decision_function")) where classifier.hasDecisions:
                members.append(.decisions(classifier))
            case (.classifier(let classifier), .string("predict")):
                let labels = classifier.classes.compactMap(\.number)
                guard labels.count == classifier.classes.count else {
                    throw estimator.unusable("stack_method_", method, expected: "classes that are numbers")
                }
                members.append(.labels(classifier, labels))
            case (.regressor(let regressor), .string("predict")):
                members.append(.numbers(regressor))
            default:
                throw estimator.unusable("stack_method_", method, expected: "one that the estimator has here")
            }
        }
        self.members = members
        features = try estimator.sharedFeatures(read.map(\.features))
        passesThrough = try estimator.boolean("passthrough", missing: false)
        nanosecondsPerRow = read.reduce(100) { sum, member in
            switch member {
            case .classifier(let classifier): sum + classifier.nanosecondsPerRow
            case .regressor(let regressor): sum + regressor.nanosecondsPerRow
            case .transformer: sum
            }
        }
    }

    func table(_ table: Table) throws(FeatureError) -> Table {
        var parts: [Matrix] = []
        for member in members {
            switch member {
            case .probabilities(let classifier, let all):
                guard let answer = try classifier.classify(table, probabilities: true).probabilities else { continue }
                parts.append(all ? answer : answer.selecting(Array(1..<answer.columns)))
            case .decisions(let classifier):
                parts.append(try classifier.decisions(table))
            case .labels(let classifier, let labels):
                let indices = try classifier.classify(table, probabilities: false).classIndices
                parts.append(Matrix(rows: table.rows, columns: 1, values: indices.map { labels[$0] }))
            case .numbers(let regressor):
                parts.append(try regressor.predict(table))
            }
        }
        if passesThrough { parts.append(try table.matrix(for: features)) }
        var values: [Double] = []
        for row in 0..<table.rows {
            for part in parts { values += part.row(row) }
        }
        return Table(Matrix(rows: table.rows, columns: parts.reduce(0) { $0 + $1.columns }, values: values))
    }
}

extension ClassLabel {
    /// A label that is a number.
    fileprivate var number: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .float(let number): number
        case .boolean(let boolean): boolean ? 1 : 0
        case .string: nil
        }
    }
}

/// scikit-learn's `StackingClassifier`: a classifier of what other estimators predict.
struct StackingClassifier: Classifier {
    let classes: [ClassLabel]
    private let stacked: StackedFeatures
    private let last: any Classifier
    /// The places of the last classifier's classes.
    private let places: [Int]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let classes = try estimator.classes()
        stacked = try StackedFeatures(estimator, classCount: classes.count, with: &reader)
        last = try estimator.classifiers(
            [try estimator.required("final_estimator_")], "final_estimator_", with: &reader)[0]
        places = try estimator.places(of: last, among: classes, encoded: true, "final_estimator_")
        guard places == Array(classes.indices) else {
            throw estimator.unusable(
                "final_estimator_", try estimator.required("final_estimator_"),
                expected: "a classifier of \(classes.count) classes")
        }
        self.classes = classes
    }

    var features: Features { stacked.features }
    var hasProbabilities: Bool { last.hasProbabilities }
    var decisionCount: Int? { last.decisionCount }
    var nanosecondsPerRow: Int { stacked.nanosecondsPerRow + last.nanosecondsPerRow }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        try last.classify(try stacked.table(table), probabilities: probabilities)
    }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        try last.decisions(try stacked.table(table))
    }
}

/// scikit-learn's `StackingRegressor`: a regressor of what other estimators predict.
struct StackingRegressor: Regressor {
    private let stacked: StackedFeatures
    private let last: any Regressor

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        stacked = try StackedFeatures(estimator, classCount: nil, with: &reader)
        let value = try estimator.required("final_estimator_")
        guard case .regressor(let regressor) = try estimator.members([value], "final_estimator_", with: &reader)[0]
        else {
            throw estimator.unusable("final_estimator_", value, expected: "a regressor")
        }
        last = regressor
    }

    var features: Features { stacked.features }
    var target: RegressionTarget { last.target }
    var nanosecondsPerRow: Int { stacked.nanosecondsPerRow + last.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix { try last.predict(try stacked.table(table)) }
}

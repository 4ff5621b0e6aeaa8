import Glibc
import Pickle

/// XGBoost's `XGBClassifier` and `XGBRFClassifier`, whose classes are 0, 1, …
///
/// Source: XGBoost, `python-package/xgboost/sklearn.py`, `XGBClassifier.predict` and `predict_proba`.
struct XGBClassifier: Classifier {
    let classes: [ClassLabel]
    private let model: XGBoostModel

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        model = try XGBoostModel(estimator, with: &reader)
        let count = try estimator.wholeNumber("n_classes_", atLeast: 2)
        guard count == (model.classCount == 0 ? 2 : model.classCount), model.width == (count == 2 ? 1 : count) else {
            throw estimator.unusable(
                "n_classes_", .integer(count),
                expected: "as many classes as the model has (several labels for a row are not supported)")
        }
        switch (model.objective, count) {
        case (.softmax, 2), (.largest, 2), (.exponential, _), (.identity, 3...):
            throw estimator.unusable(
                "objective", estimator.optional("objective") ?? .none, expected: "an objective for \(count) classes")
        default: break
        }
        // Before version 1.6 it changed labels by an encoder of its own.
        let encoder = estimator.optional("_le") ?? .none
        guard encoder == .none else { throw estimator.unusable("_le", encoder, expected: "None") }
        classes = (0..<count).map(ClassLabel.integer)
    }

    var features: Features { model.features }
    let hasProbabilities = true
    var nanosecondsPerRow: Int { model.nanosecondsPerRow }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var answers = try model.answers(table)
        if let place = answers.values.firstIndex(where: \.isNaN) { throw .row(place / answers.columns, .overflow) }
        if classes.count == 2 {
            let indices = answers.values.map { $0 > 0.5 ? 1 : 0 }
            guard probabilities else { return Classification(classIndices: indices) }
            let both = answers.values.flatMap { [Double(1 - Float($0)), $0] }
            return Classification(
                classIndices: indices, probabilities: Matrix(rows: answers.rows, columns: 2, values: both))
        }
        let indices = answers.indicesOfMaxima
        if probabilities, case .largest = model.objective { Self.softmax(&answers) }
        return Classification(classIndices: indices, probabilities: probabilities ? answers : nil)
    }

    /// What scipy's `softmax` makes of numbers of 32 bits.
    private static func softmax(_ sums: inout Matrix) {
        for row in 0..<sums.rows {
            let numbers = sums.row(row).map { Float($0) }
            let largest = numbers.reduce(-.infinity) { max($0, $1) }
            let exponentials = numbers.map { expf($0 - largest) }
            let sum = exponentials.reduce(0, +)
            for (column, exponential) in exponentials.enumerated() { sums[row, column] = Double(exponential / sum) }
        }
    }
}

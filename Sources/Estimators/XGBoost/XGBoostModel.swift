import Pickle

/// A model of XGBoost: trees whose leaves are added up in 32 bits, in their order.
///
/// Sources: XGBoost, `src/predictor/cpu_predictor.cc`, `PredictByAllTrees`; `src/learner.cc`, `src/gbm/gbtree_model.cc` and
/// `src/tree/tree_model.cc`, `LoadModel`; doc/model.schema.
struct XGBoostModel: Sendable {
    let features: Features
    let objective: XGBoostObjective
    /// The number of classes, if there are several sums for them; else 0.
    let classCount: Int
    /// The number of sums of a row.
    let width: Int

    private let trees: BoostedTrees
    /// Where each sum begins.
    private let beginnings: [Double]
    /// The number that stands for a missing value, besides NaN.
    private let missing: Float?

    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + 30 * width }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let booster = try XGBoostBooster(estimator, with: &reader)
        features = Features(count: booster.featureCount, names: booster.featureNames, unusual: .any)
        objective = booster.objective
        classCount = booster.classCount
        width = booster.width
        beginnings = booster.baseScores.map { Double(booster.objective.beginning(of: $0)) }
        guard beginnings.allSatisfy(\.isFinite) else {
            throw booster.unusable("base_score", expected: "one that its objective can begin with")
        }
        trees = BoostedTrees(try booster.trees(with: &reader), width: booster.width)
        missing = try Self.missing(of: estimator)
    }

    private static func missing(of estimator: PickledEstimator) throws(ModelError) -> Float? {
        let value = estimator.optional("missing") ?? .none
        if value == .none { return nil }
        guard let number = value.number else { throw estimator.unusable("missing", value, expected: "a number") }
        return number.isNaN ? nil : Float(number)
    }

    /// The sums of each row.
    func sums(_ table: Table) throws(FeatureError) -> Matrix {
        var matrix = try table.matrix(for: features)
        matrix.replaceAll { value, _ in
            let narrow = Float(value)
            return narrow == missing ? .nan : Double(narrow)
        }
        var sums = Matrix(rows: matrix.rows, repeating: beginnings)
        unsafe matrix.values.withUnsafeBufferPointer { values in
            // There is a row, and it has a feature.
            guard let values = values.baseAddress else { return }
            for first in stride(from: 0, to: matrix.rows, by: NarrowRows.blockSize) {
                let count = min(matrix.rows - first, NarrowRows.blockSize)
                unsafe trees.addNarrow(values + first * matrix.columns, count: count, to: &sums, from: first)
            }
        }
        return sums
    }

    /// The sums of each row, as the objective changes them.
    func answers(_ table: Table) throws(FeatureError) -> Matrix {
        var answers = try sums(table)
        var row = [Float](repeating: 0, count: width)
        for start in stride(from: 0, to: answers.values.count, by: width) {
            for place in 0..<width { row[place] = Float(answers.values[start + place]) }
            objective.transform(&row)
            for place in 0..<width { answers.values[start + place] = Double(row[place]) }
        }
        return answers
    }
}

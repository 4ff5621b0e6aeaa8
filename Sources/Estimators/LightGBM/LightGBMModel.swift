import Pickle

/// A model of LightGBM: trees whose leaves are added up in their order.
///
/// Sources: LightGBM, `src/boosting/gbdt_prediction.cpp`; `include/LightGBM/tree.h`, `Decision`; `src/c_api.cpp`,
/// `RowPairFunctionFromDenseMatric`.
struct LightGBMModel: RowScores {
    let features: Features
    let objective: LightGBMObjective
    /// The number of sums of a row.
    let width: Int

    private let trees: BoostedTrees
    /// The number that sums are divided by: that of the iterations for a forest, else 1.
    private let divisor: Double
    /// The features, by place, of which 0 is a missing value.
    private let zeroIsMissing: Set<Int>

    var nanosecondsPerRow: Int { trees.nanosecondsPerRow + 30 * width }

    /// - Parameter estimator: one of LightGBM's classes.
    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let booster = try LightGBMBooster(estimator, with: &reader)
        features = Features(
            count: booster.featureCount, names: try booster.featureNames(of: estimator), unusual: .any)
        objective = booster.objective
        width = booster.width
        let (trees, zeroIsMissing) = try booster.trees()
        self.trees = BoostedTrees(trees, width: booster.width)
        self.zeroIsMissing = zeroIsMissing
        divisor = booster.isAverage ? Double(trees.treeCount / booster.width) : 1
    }

    /// The sums of each row.
    func scores(_ table: Table) throws(FeatureError) -> Matrix {
        var matrix = try table.matrix(for: features)
        matrix.replaceAll { value, column in
            // What is nearly 0 is left out of a row there, and what is left out is 0.
            guard abs(value) <= Self.nearlyZero else { return value }
            return zeroIsMissing.contains(column) ? .nan : 0
        }
        var sums = Matrix(rows: matrix.rows, columns: width)
        unsafe matrix.values.withUnsafeBufferPointer { values in
            // There is a row, and it has a feature.
            guard let values = values.baseAddress else { return }
            for first in stride(from: 0, to: matrix.rows, by: NarrowRows.blockSize) {
                let count = min(matrix.rows - first, NarrowRows.blockSize)
                unsafe trees.add(values + first * matrix.columns, count: count, to: &sums, from: first)
            }
        }
        return sums
    }

    /// LightGBM's `kZeroThreshold`, a number of 32 bits.
    private static let nearlyZero = Double(Float(1e-35))

    /// The sums of each row, as the objective changes them.
    func answers(_ table: Table) throws(FeatureError) -> Matrix {
        var answers = try scores(table)
        if divisor != 1 { for place in answers.values.indices { answers.values[place] /= divisor } }
        for start in stride(from: 0, to: answers.values.count, by: width) {
            objective.transform(&answers.values[start..<start + width])
        }
        return answers
    }
}

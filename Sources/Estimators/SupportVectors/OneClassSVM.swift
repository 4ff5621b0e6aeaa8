import Pickle

/// scikit-learn's `OneClassSVM`: 1 for what is like the training data, and -1 for what isn't.
struct OneClassSVM: Classifier {
    private let sum: SupportVectorSum

    init(_ estimator: PickledEstimator) throws(ModelError) { sum = try SupportVectorSum(estimator) }

    var features: Features { sum.vectors.features }
    let classes: [ClassLabel] = [.integer(-1), .integer(1)]
    let hasProbabilities = false
    var nanosecondsPerRow: Int { sum.vectors.nanosecondsPerRow }

    var decisionCount: Int? { 1 }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let sums = sum(try table.matrix(for: features))
        let decisions = Matrix(rows: sums.count, columns: 1, values: sums)
        try decisions.checkDecisions()
        return decisions
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        Classification(classIndices: try decisions(table).values.map { $0 > 0 ? 1 : 0 })
    }
}

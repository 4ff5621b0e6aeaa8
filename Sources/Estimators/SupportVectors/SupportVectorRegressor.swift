import Pickle

/// scikit-learn's `SVR` and `NuSVR`.
struct SupportVectorRegressor: Regressor {
    private let sum: SupportVectorSum

    init(_ estimator: PickledEstimator) throws(ModelError) { sum = try SupportVectorSum(estimator) }

    var features: Features { sum.vectors.features }
    let target = RegressionTarget.number
    var nanosecondsPerRow: Int { sum.vectors.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        let matrix = try table.matrix(for: features)
        return Matrix(rows: matrix.rows, columns: 1, values: sum(matrix))
    }
}

import Pickle

/// One weighted sum of a row's similarities to the support vectors: scikit-learn's `SVR` and `NuSVR`; and
/// `OneClassSVM`, which goes by its sign.
///
/// Source: libsvm, `svm_predict_values`.
struct SupportVectorSum: Sendable {
    let vectors: SupportVectors
    private let coefficients: [Double]
    private let intercept: Double

    init(_ estimator: PickledEstimator) throws(ModelError) {
        vectors = try SupportVectors(estimator)
        coefficients = try vectors.coefficients(of: estimator, rows: 1)
        let intercepts = try estimator.vector("_intercept_")
        guard intercepts.count == 1 else {
            throw estimator.unusable(
                "_intercept_", try estimator.required("_intercept_"), expected: "an array of one number")
        }
        intercept = intercepts[0]
    }

    func callAsFunction(_ matrix: Matrix) -> [Double] {
        var sums: [Double] = []
        sums.reserveCapacity(matrix.rows)
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: vectors.count) { similarities in
            unsafe matrix.values.withUnsafeBufferPointer { rows in
                for row in 0..<matrix.rows {
                    unsafe vectors.write(
                        UnsafeBufferPointer(rebasing: rows[row * matrix.columns..<(row + 1) * matrix.columns]),
                        into: similarities)
                    var sum = 0.0
                    for index in coefficients.indices { unsafe sum += coefficients[index] * similarities[index] }
                    sums.append(sum + intercept)
                }
            }
        }
        return sums
    }
}

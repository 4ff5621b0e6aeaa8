import Pickle

/// What every kind of support vector machine consists of: vectors of the training data, and a kernel.
struct SupportVectors: Sendable {
    let features: Features
    /// The number of vectors. There may be none; then only the intercepts decide.
    let count: Int

    private let kernel: Kernel
    private let vectors: [Double]

    init(_ estimator: PickledEstimator) throws(ModelError) {
        kernel = try Kernel(estimator)
        // A model that was fitted with a sparse matrix holds sparse ones, which are not read.
        let matrix = try estimator.matrix("support_vectors_")
        count = matrix.rows
        vectors = matrix.values
        // Without vectors, nothing in the file holds up the number of features, which a row will take memory for.
        let width = count > 0 ? matrix.columns : try estimator.featureCount() ?? matrix.columns
        guard count > 0 || width <= Self.mostFeatures else {
            throw estimator.unusable(
                "support_vectors_", try estimator.required("support_vectors_"), expected: "some, or fewer features")
        }
        features = try estimator.features(count: width, by: "support_vectors_")
    }

    private static let mostFeatures = 1 << 20

    /// The coefficients of the vectors: `rows` for each of them.
    ///
    /// The private attributes are those that libsvm is given; of the public ones, scikit-learn turns the sign if there
    /// are two classes.
    func coefficients(of estimator: PickledEstimator, rows: Int) throws(ModelError) -> [Double] {
        let matrix = try estimator.matrix("_dual_coef_")
        guard matrix.rows == rows, matrix.columns == count else {
            throw estimator.unusable(
                "_dual_coef_", try estimator.required("_dual_coef_"), expected: "an array of shape [\(rows), \(count)]")
        }
        return matrix.values
    }

    /// A row's similarity to every vector.
    ///
    /// - Precondition: the row has as many numbers as there are features, and there are as many results as vectors.
    func write(_ row: UnsafeBufferPointer<Double>, into results: UnsafeMutableBufferPointer<Double>) {
        precondition(row.count == features.count && results.count == count)
        guard let row = row.baseAddress else { return }
        unsafe vectors.withUnsafeBufferPointer { vectors in
            // `vectors` holds `count` times `features.count` numbers.
            guard let first = vectors.baseAddress else { return }
            unsafe kernel.write(row, first, features.count, into: results)
        }
    }

    /// A measure of the time that one row takes, in nanoseconds.
    var nanosecondsPerRow: Int { count * (features.count / 2 + kernel.nanoseconds + 2) }
}

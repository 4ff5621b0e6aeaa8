import Glibc
import Pickle

/// How `TfidfTransformer` weighs how often terms occur: less where many texts have the term, and by the row's norm.
struct TermWeighting: Sendable {
    /// Whether a count becomes 1 + its logarithm.
    private let isSublinear: Bool
    /// What each term is multiplied by; nil if the weighting was made with `use_idf=False`.
    private let factors: [Double]?
    /// Nil if rows are not divided by it.
    private let norm: Norm?
    /// The number of terms, if it is known.
    let count: Int?

    init(_ estimator: PickledEstimator) throws(ModelError) {
        isSublinear = try estimator.boolean("sublinear_tf", missing: false)
        norm = estimator.optional("norm") == .some(.none) ? nil : try Norm(estimator)
        factors = try estimator.boolean("use_idf", missing: true) ? try Self.factors(of: estimator) : nil
        let stated = try estimator.featureCount()
        count = factors?.count ?? stated
    }

    /// Before scikit-learn 1.5, the factors were the diagonal of a sparse matrix.
    private static func factors(of estimator: PickledEstimator) throws(ModelError) -> [Double] {
        guard estimator.optional("idf_") == nil, let value = estimator.optional("_idf_diag") else {
            return try estimator.vector("idf_")
        }
        guard let matrix = estimator.document.sparseMatrix(value), matrix.rows == matrix.columns,
            matrix.starts.elementsEqual(0...matrix.rows), matrix.indices.elementsEqual(0..<matrix.rows),
            matrix.values.allSatisfy(\.isFinite)
        else {
            throw estimator.unusable("_idf_diag", value, expected: "a diagonal matrix of finite numbers")
        }
        return matrix.values
    }

    func apply(_ matrix: inout Matrix) {
        if isSublinear { matrix.replaceAll { count, _ in count == 0 ? 0 : log(count) + 1 } }
        if let factors { matrix.replaceAll { $0 * factors[$1] } }
        norm?.normalize(&matrix, smallest: .leastNonzeroMagnitude)
    }
}

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

/// scikit-learn's `TfidfTransformer`.
struct TfidfTransformer: Transformer {
    private let weighting: TermWeighting

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 3 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        weighting = try TermWeighting(estimator)
        guard let count = weighting.count else {
            throw estimator.disagreement(about: "idf_ and n_features_in_, which are missing")
        }
        features = try estimator.features(count: count, by: "idf_")
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        weighting.apply(&matrix)
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }
}

/// scikit-learn's `TfidfVectorizer`: counts terms and weighs them.
struct TfidfVectorizer: Transformer {
    private let counter: CountVectorizer
    private let weighting: TermWeighting

    var features: Features { counter.features }
    var outputCount: Int { counter.outputCount }
    var nanosecondsPerRow: Int { counter.nanosecondsPerRow + 3 * outputCount }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        counter = try CountVectorizer(estimator, with: &reader)
        let part = try estimator.part(try estimator.required("_tfidf"), "_tfidf", kinds: "TfidfTransformer")
        weighting = try TermWeighting(part)
        guard weighting.count == nil || weighting.count == counter.outputCount else {
            throw estimator.disagreement(about: "vocabulary_ and idf_")
        }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try counter.counts(table)
        weighting.apply(&matrix)
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { 0 }
}

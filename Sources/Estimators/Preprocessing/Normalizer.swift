import Pickle

/// scikit-learn's `Normalizer`: divides each row by its norm.
struct Normalizer: Transformer {
    private let norm: Norm

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 2 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        norm = try Norm(estimator)
        guard let count = try estimator.featureCount() else {
            throw estimator.disagreement(about: "n_features_in_, which is missing")
        }
        features = try estimator.features(count: count, by: "n_features_in_")
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        norm.normalize(&matrix)
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }
}

/// scikit-learn's `Binarizer`: 1 for numbers above a threshold, 0 for others.
struct Binarizer: Transformer {
    private let threshold: Double

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 2 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        threshold = try estimator.number("threshold")
        guard let count = try estimator.featureCount() else {
            throw estimator.disagreement(about: "n_features_in_, which is missing")
        }
        features = try estimator.features(count: count, by: "n_features_in_")
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        matrix.replaceAll { value, _ in value > threshold ? 1 : 0 }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }
}

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

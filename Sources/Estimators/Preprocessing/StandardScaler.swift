/// scikit-learn's `StandardScaler`: subtracts each feature's mean and divides by its standard deviation.
struct StandardScaler: Transformer {
    /// Nil if the scaler was made with `with_mean=False`.
    private let mean: [Double]?
    /// Nil if the scaler was made with `with_std=False`.
    private let scale: [Double]?

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 2 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        mean = try estimator.boolean("with_mean", missing: true) ? try estimator.vector("mean_") : nil
        scale = try estimator.boolean("with_std", missing: true) ? try estimator.vector("scale_") : nil
        let stated = try estimator.featureCount()
        let counts = [mean?.count, scale?.count, stated]
        guard let count = counts.compactMap({ $0 }).first, counts.allAgree(on: count) else {
            throw estimator.disagreement(about: "mean_, scale_ and n_features_in_")
        }
        features = try estimator.features(count: count, by: "mean_, scale_", unusual: .missing)
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        if let mean {
            for place in matrix.values.indices { matrix.values[place] -= mean[place % mean.count] }
        }
        if let scale {
            for place in matrix.values.indices { matrix.values[place] /= scale[place % scale.count] }
        }
        return Table(matrix)
    }
}

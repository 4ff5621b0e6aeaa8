/// scikit-learn's `StandardScaler`: subtracts each feature's mean and divides by its standard deviation.
struct StandardScaler: InvertibleTransformer {
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
        switch (mean, scale) {
        case (let mean?, let scale?): matrix.replaceAll { ($0 - mean[$1]) / scale[$1] }
        case (let mean?, nil): matrix.replaceAll { $0 - mean[$1] }
        case (nil, let scale?): matrix.replaceAll { $0 / scale[$1] }
        case (nil, nil): break
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        var matrix = matrix
        if let scale { matrix.replaceAll { $0 * scale[$1] } }
        if let mean { matrix.replaceAll { $0 + mean[$1] } }
        return matrix
    }
}

/// scikit-learn's `RobustScaler`: subtracts each feature's median and divides by its range between two quantiles.
struct RobustScaler: InvertibleTransformer {
    /// Nil if the scaler was made with `with_centering=False`.
    private let center: [Double]?
    /// Nil if the scaler was made with `with_scaling=False`.
    private let scale: [Double]?

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 2 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        center = try estimator.boolean("with_centering", missing: true) ? try estimator.vector("center_") : nil
        scale = try estimator.boolean("with_scaling", missing: true) ? try estimator.vector("scale_") : nil
        let counts = [center?.count, scale?.count, try estimator.featureCount()]
        guard let count = counts.compactMap({ $0 }).first, counts.allAgree(on: count) else {
            throw estimator.disagreement(about: "center_, scale_ and n_features_in_")
        }
        features = try estimator.features(count: count, by: "center_, scale_", unusual: .missing)
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        if let center { matrix.replaceAll { $0 - center[$1] } }
        if let scale { matrix.replaceAll { $0 / scale[$1] } }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        var matrix = matrix
        if let scale { matrix.replaceAll { $0 * scale[$1] } }
        if let center { matrix.replaceAll { $0 + center[$1] } }
        return matrix
    }
}

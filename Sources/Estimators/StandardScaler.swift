/// scikit-learn's `StandardScaler`: subtracts each feature's mean and divides by its standard deviation.
struct StandardScaler: Sendable {
    /// Nil if the scaler was made with `with_mean=False`.
    private let mean: [Double]?
    /// Nil if the scaler was made with `with_std=False`.
    private let scale: [Double]?

    let featureCount: Int

    init(_ estimator: PickledEstimator) throws(ModelError) {
        mean = try estimator.boolean("with_mean", missing: true) ? try estimator.vector("mean_") : nil
        scale = try estimator.boolean("with_std", missing: true) ? try estimator.vector("scale_") : nil
        let stated = try estimator.featureCount()
        let counts = [mean?.count, scale?.count, stated]
        guard let count = counts.compactMap({ $0 }).first, counts.allAgree(on: count) else {
            throw estimator.disagreement(about: "mean_, scale_ and n_features_in_")
        }
        featureCount = count
    }

    func transform(_ row: UnsafeMutableBufferPointer<Double>) {
        if let mean {
            for index in mean.indices { unsafe row[index] -= mean[index] }
        }
        if let scale {
            for index in scale.indices { unsafe row[index] /= scale[index] }
        }
    }
}

import Pickle

/// scikit-learn's `MinMaxScaler`: maps each feature's range in the training data to one given range.
struct MinMaxScaler: Sendable {
    private let scale: [Double]
    private let minimum: [Double]
    /// The range that results are clipped to, if the scaler was made with `clip=True`.
    private let clip: ClosedRange<Double>?

    var featureCount: Int { scale.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        scale = try estimator.vector("scale_")
        minimum = try estimator.vector("min_")
        guard [minimum.count, try estimator.featureCount()].allAgree(on: scale.count) else {
            throw estimator.disagreement(about: "scale_, min_ and n_features_in_")
        }
        // Added in scikit-learn 0.24.
        if try estimator.boolean("clip", missing: false) {
            let range = try estimator.required("feature_range")
            guard let bounds = estimator.document.tuple(range) ?? estimator.document.list(range), bounds.count == 2,
                let low = bounds[0].number, let high = bounds[1].number, low <= high
            else {
                throw estimator.unusable("feature_range", range, expected: "a lower and an upper bound")
            }
            clip = low...high
        } else {
            clip = nil
        }
    }

    func transform(_ row: UnsafeMutableBufferPointer<Double>) {
        for index in scale.indices {
            let value = unsafe row[index] * scale[index] + minimum[index]
            unsafe row[index] = clip.map { min(max(value, $0.lowerBound), $0.upperBound) } ?? value
        }
    }
}

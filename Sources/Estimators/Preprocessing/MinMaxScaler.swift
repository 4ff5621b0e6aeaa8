import Pickle

/// scikit-learn's `MinMaxScaler`: maps each feature's range in the training data to one given range.
struct MinMaxScaler: InvertibleTransformer {
    private let scale: [Double]
    private let minimum: [Double]
    /// The range that results are clipped to, if the scaler was made with `clip=True`.
    private let clip: ClosedRange<Double>?

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 2 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        scale = try estimator.vector("scale_")
        minimum = try estimator.vector("min_")
        guard minimum.count == scale.count else { throw estimator.disagreement(about: "scale_ and min_") }
        features = try estimator.features(count: scale.count, by: "scale_, min_", unusual: .missing)
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

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        if let clip {
            matrix.replaceAll { ($0 * scale[$1] + minimum[$1]).clipped(to: clip) }
        } else {
            matrix.replaceAll { $0 * scale[$1] + minimum[$1] }
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        var matrix = matrix
        matrix.replaceAll { ($0 - minimum[$1]) / scale[$1] }
        return matrix
    }
}

extension Double {
    /// The nearest number in a range; NaN stays what it is.
    func clipped(to range: ClosedRange<Double>) -> Double {
        range.upperBound < self ? range.upperBound : self < range.lowerBound ? range.lowerBound : self
    }
}

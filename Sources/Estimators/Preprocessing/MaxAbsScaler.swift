/// scikit-learn's `MaxAbsScaler`: divides each feature by its largest magnitude in the training data.
struct MaxAbsScaler: InvertibleTransformer {
    private let scale: [Double]
    /// Whether results are clipped to -1...1 (`clip=True`, since scikit-learn 1.9).
    private let clips: Bool

    let features: Features
    var outputCount: Int { features.count }
    var nanosecondsPerRow: Int { 2 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        scale = try estimator.vector("scale_")
        clips = try estimator.boolean("clip", missing: false)
        features = try estimator.features(count: scale.count, by: "scale_", unusual: .missing)
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        if clips {
            matrix.replaceAll { ($0 / scale[$1]).clipped(to: -1...1) }
        } else {
            matrix.replaceAll { $0 / scale[$1] }
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        var matrix = matrix
        matrix.replaceAll { $0 * scale[$1] }
        return matrix
    }
}

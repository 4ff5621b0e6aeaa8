import Pickle

/// scikit-learn's `QuantileTransformer`: each feature's share of smaller values in the training data, or the normally
/// distributed number with that share.
struct QuantileTransformer: InvertibleTransformer {
    /// For each feature, the values at the shares; ascending.
    private let quantiles: [[Double]]
    /// The shares, ascending from 0 to 1.
    private let references: [Double]
    private let isNormal: Bool

    let features: Features
    var outputCount: Int { quantiles.count }
    var nanosecondsPerRow: Int { (isNormal ? 400 : 60) * quantiles.count }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let (shape, elements) = try estimator.numbers("quantiles_")
        references = try estimator.vector("references_")
        guard shape.count == 2, shape[0] == references.count, shape[0] > 0, shape[1] > 0 else {
            throw estimator.disagreement(about: "quantiles_ and references_")
        }
        try reader.charge(elements.count, for: estimator, "quantiles_")
        let (rows, columns) = (shape[0], shape[1])
        quantiles = (0..<columns).map { column in (0..<rows).map { elements[$0 * columns + column] } }
        guard (quantiles + [references]).allSatisfy({ zip($0, $0.dropFirst()).allSatisfy { $0 <= $1 } }) else {
            throw estimator.unusable(
                "quantiles_", try estimator.required("quantiles_"), expected: "ascending numbers for each feature")
        }
        isNormal = try estimator.option("output_distribution", known: ["uniform", "normal"]) == "normal"
        features = try estimator.features(count: columns, by: "quantiles_", unusual: .missing)
    }

    /// How near a bound a value counts as the bound (scikit-learn's `BOUNDS_THRESHOLD`).
    private static let threshold = 1e-7
    /// What results are clipped to: beyond it, the way back would not lead to the same value.
    private static let normalBounds: ClosedRange<Double> = {
        let low = NormalDistribution.quantile(threshold - Double.ulpOfOne)
        let high = NormalDistribution.quantile(1 - (threshold - Double.ulpOfOne))
        return low...high
    }()

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        matrix.replaceAll { value, feature in
            if value.isNaN { return value }
            let quantiles = quantiles[feature]
            let (low, high) = (quantiles[0], quantiles[quantiles.count - 1])
            var share: Double
            if isNormal ? value - Self.threshold < low : value == low {
                share = 0
            } else if isNormal ? value + Self.threshold > high : value == high {
                share = 1
            } else {
                // From both sides, so that one of several equal quantiles is met in the middle.
                share = Self.interpolatedFromBothSides(value, quantiles, references)
            }
            return isNormal ? NormalDistribution.quantile(share).clipped(to: Self.normalBounds) : share
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }

    func inverted(_ matrix: Matrix) -> Matrix {
        var matrix = matrix
        matrix.replaceAll { value, feature in
            if value.isNaN { return value }
            let share = isNormal ? NormalDistribution.cumulative(value) : value
            let quantiles = quantiles[feature]
            if isNormal ? share - Self.threshold < 0 : share == 0 { return quantiles[0] }
            if isNormal ? share + Self.threshold > 1 : share == 1 { return quantiles[quantiles.count - 1] }
            return Self.interpolated(share, references, quantiles)
        }
        return matrix
    }

    /// numpy's `interp`: the height of the line through the neighbours of `value` among ascending places.
    private static func interpolated(_ value: Double, _ places: [Double], _ heights: [Double]) -> Double {
        interpolated(value, places, heights, above: count(of: places) { $0 <= value })
    }

    /// The mean of `interp` as it is and with all signs turned: of several equal quantiles it meets the middle.
    private static func interpolatedFromBothSides(
        _ value: Double, _ places: [Double], _ heights: [Double]
    ) -> Double {
        let above = count(of: places) { $0 <= value }
        let forwards = interpolated(value, places, heights, above: above)
        // The first place that isn't below the value: the neighbour from the other side.
        let first = above > 0 && places[above - 1] == value ? count(of: places) { $0 < value } : above
        let backwards: Double
        if first == places.count {
            backwards = -heights[first - 1]
        } else if first == 0 || places[first] == value {
            backwards = -heights[first]
        } else {
            let slope = (-heights[first - 1] - -heights[first]) / (-places[first - 1] - -places[first])
            backwards = slope * (-value - -places[first]) + -heights[first]
        }
        return 0.5 * (forwards - backwards)
    }

    /// - Parameter above: the index of the first place above the value.
    private static func interpolated(
        _ value: Double, _ places: [Double], _ heights: [Double], above: Int
    ) -> Double {
        if above == 0 { return heights[0] }
        if above == places.count || places[above - 1] == value { return heights[above - 1] }
        let slope = (heights[above] - heights[above - 1]) / (places[above] - places[above - 1])
        return slope * (value - places[above - 1]) + heights[above - 1]
    }

    /// The number of places of which something is true, which is so of the first ones.
    @inline(__always)
    private static func count(of places: [Double], where isBefore: (Double) -> Bool) -> Int {
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(places[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

import Pickle

/// scikit-learn's `PolynomialFeatures`: products of features.
///
/// The products are made in the library's own order, each from one of a degree less, so that the bits are the same.
struct PolynomialFeatures: Transformer {
    /// A product of a feature and an earlier product.
    private struct Factor: Sendable {
        let product: Int
        let feature: Int
    }

    /// Whether the first output is 1.
    private let hasBias: Bool
    /// The products that follow the features themselves.
    private let factors: [Factor]
    /// The number of products, features included, that are no outputs as their degree is too low.
    private let skipped: Int

    let features: Features
    let outputCount: Int
    var nanosecondsPerRow: Int { 3 * (factors.count + features.count) }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        guard let count = try estimator.featureCount(), count <= Self.mostOutputs else {
            throw estimator.disagreement(about: "n_features_in_, which is missing")
        }
        hasBias = try estimator.boolean("include_bias", missing: true)
        let isInteraction = try estimator.boolean("interaction_only", missing: false)
        let degrees = try Self.degrees(of: estimator)
        var factors: [Factor] = []
        var skipped = degrees.lowerBound > 1 || degrees.upperBound == 0 ? count : 0
        /// Where the products of the last degree begin that have no smaller feature than each.
        var starts = Array(0...count)
        for degree in stride(from: 2, through: degrees.upperBound, by: 1) {
            let end = starts[starts.count - 1]
            var next: [Int] = []
            var current = count + factors.count
            for feature in 0..<count where feature < starts.count - 1 {
                next.append(current)
                let start = isInteraction ? starts[feature + 1] : starts[feature]
                if start >= end { break }
                guard end - start <= Self.mostOutputs - factors.count else {
                    throw estimator.unusable(
                        "degree", try estimator.required("degree"), expected: "at most \(Self.mostOutputs) products")
                }
                for product in start..<end { factors.append(Factor(product: product, feature: feature)) }
                current = count + factors.count
            }
            next.append(current)
            starts = next
            if degree < degrees.lowerBound { skipped = count + factors.count }
        }
        try reader.charge(factors.count, for: estimator, "degree")
        self.factors = factors
        self.skipped = skipped
        outputCount = (hasBias ? 1 : 0) + count + factors.count - skipped
        features = try estimator.features(count: count, by: "n_features_in_")
        guard outputCount > 0 else {
            throw estimator.unusable("degree", try estimator.required("degree"), expected: "at least one product")
        }
    }

    private static let mostOutputs = 1 << 20

    /// The degrees of the products, from 0.
    private static func degrees(of estimator: PickledEstimator) throws(ModelError) -> ClosedRange<Int> {
        let value = try estimator.required("degree")
        if case .integer(let highest) = value, (0...mostDegrees).contains(highest) { return 0...highest }
        guard let bounds = estimator.document.tuple(value) ?? estimator.document.list(value), bounds.count == 2,
            case .integer(let low) = bounds[0], case .integer(let high) = bounds[1], 0 <= low, low <= high,
            high <= mostDegrees
        else {
            throw estimator.unusable("degree", value, expected: "a degree or two, of at most \(mostDegrees)")
        }
        return low...high
    }

    private static let mostDegrees = 1_000

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let matrix = try table.matrix(for: features)
        var output = Matrix(rows: matrix.rows, columns: outputCount)
        var products = [Double](repeating: 0, count: features.count + factors.count)
        let bias = hasBias ? 1 : 0
        for row in 0..<matrix.rows {
            for feature in 0..<features.count { products[feature] = matrix[row, feature] }
            for (index, factor) in factors.enumerated() {
                products[features.count + index] = products[factor.product] * products[factor.feature]
            }
            let start = row * outputCount
            if hasBias { output.values[start] = 1 }
            for index in skipped..<products.count { output.values[start + bias + index - skipped] = products[index] }
        }
        return Table(output)
    }
}

import Pickle

/// scikit-learn's `PCA`, `IncrementalPCA`, `FastICA` and `TruncatedSVD`: linear combinations of features.
struct Projection: Transformer {
    /// When the mean is subtracted.
    enum Centering: Sendable {
        case never
        /// From the features.
        case before
        /// Its combinations from those of the features, as PCA does since scikit-learn 1.5.
        case after
    }

    /// One row for each output, with the weight of each feature.
    private let components: [Double]
    private let centering: Centering
    /// What is subtracted: from the features, or from the outputs.
    private let mean: [Double]
    /// What outputs are divided by; nil if the components aren't whitened.
    private let scale: [Double]?

    let features: Features
    let outputCount: Int
    var nanosecondsPerRow: Int { components.count }

    /// - Parameters:
    ///   - whitens: whether outputs are divided by the standard deviation of each.
    ///   - centering: when `mean_` is subtracted, unless it is None.
    init(_ estimator: PickledEstimator, whitens: Bool, centering: Centering) throws(ModelError) {
        let (shape, components) = try estimator.numbers("components_")
        guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
            throw estimator.unusable(
                "components_", try estimator.required("components_"), expected: "a row for each component")
        }
        let (outputs, count) = (shape[0], shape[1])
        outputCount = outputs
        self.components = components
        features = try estimator.features(count: count, by: "components_")
        let hasMean = estimator.optional("mean_").map { $0 != PickledValue.none } ?? false
        self.centering = hasMean ? centering : .never
        switch self.centering {
        case .never: mean = []
        case .before, .after:
            let mean = try estimator.vector("mean_")
            guard mean.count == count else { throw estimator.disagreement(about: "components_ and mean_") }
            let row = Matrix(rows: 1, columns: count, values: mean)
            self.mean = centering == .before ? mean : Self.product(row, components, outputs).values
        }
        if whitens {
            let variances = try estimator.vector("explained_variance_")
            guard variances.count == outputs else {
                throw estimator.disagreement(about: "components_ and explained_variance_")
            }
            // Not below the smallest step of a number around 1.
            scale = variances.map { max($0.squareRoot(), Double.ulpOfOne) }
        } else {
            scale = nil
        }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = try table.matrix(for: features)
        if centering == .before { matrix.replaceAll { $0 - mean[$1] } }
        var projected = Self.product(matrix, components, outputCount)
        if centering == .after { projected.replaceAll { $0 - mean[$1] } }
        if let scale { projected.replaceAll { $0 / scale[$1] } }
        return Table(projected)
    }

    /// The product of a matrix and the transpose of another. Zeros on the left cost little: rows of term counts are
    /// full of them.
    private static func product(_ matrix: Matrix, _ components: [Double], _ outputs: Int) -> Matrix {
        var product = Matrix(rows: matrix.rows, columns: outputs)
        let width = matrix.columns
        var places: [Int] = []
        for row in 0..<matrix.rows {
            let values = matrix.row(row)
            places.removeAll(keepingCapacity: true)
            for place in 0..<width where values[values.startIndex + place] != 0 { places.append(place) }
            for output in 0..<outputs {
                var sum = 0.0
                for place in places { sum += values[values.startIndex + place] * components[output * width + place] }
                product[row, output] = sum
            }
        }
        return product
    }
}

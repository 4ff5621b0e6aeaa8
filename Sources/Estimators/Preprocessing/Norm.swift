/// A norm that rows are divided by.
enum Norm: String, Sendable, CaseIterable {
    /// The sum of the magnitudes.
    case l1
    /// The square root of the sum of the squares.
    case l2
    /// The largest magnitude.
    case max

    init(_ estimator: PickledEstimator) throws(ModelError) {
        let name = try estimator.option("norm", missing: "l2", known: Self.allCases.map(\.rawValue))
        self = Norm(rawValue: name) ?? .l2
    }

    /// Divides each row by its norm.
    ///
    /// - Parameter smallest: rows with a norm below stay what they are, as in `_handle_zeros_in_scale`.
    func normalize(_ matrix: inout Matrix, smallest: Double = 10 * Double.ulpOfOne) {
        for row in 0..<matrix.rows {
            let places = row * matrix.columns..<(row + 1) * matrix.columns
            var norm = 0.0
            switch self {
            case .l1: for place in places { norm += abs(matrix.values[place]) }
            case .l2:
                for place in places { norm += matrix.values[place] * matrix.values[place] }
                norm = norm.squareRoot()
            case .max: for place in places { norm = Swift.max(norm, abs(matrix.values[place])) }
            }
            if norm < smallest { continue }
            for place in places { matrix.values[place] /= norm }
        }
    }
}

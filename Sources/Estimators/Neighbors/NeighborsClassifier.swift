import Pickle

/// scikit-learn's `KNeighborsClassifier` and `RadiusNeighborsClassifier`: the neighbours vote.
///
/// Source: scikit-learn, `sklearn/neighbors/_classification.py`.
struct NeighborsClassifier: Classifier {
    let classes: [ClassLabel]
    private let neighborhood: Neighborhood
    /// The index of each training row's class.
    private let classIndices: [Int]
    /// The class of a row without neighbours; nil if there is none.
    private let outlierClass: Int?

    init(_ estimator: PickledEstimator, isRadius: Bool) throws(ModelError) {
        classes = try estimator.classes()
        neighborhood = try Neighborhood(estimator, isRadius: isRadius)
        let (shape, indices) = try estimator.integers("_y")
        let range = classes.indices
        guard shape == [neighborhood.count], indices.allSatisfy({ range.contains($0) }) else {
            throw estimator.unusable(
                "_y", try estimator.required("_y"),
                expected: "\(neighborhood.count) numbers below \(classes.count)")
        }
        classIndices = indices
        outlierClass = isRadius ? try Self.outlierClass(of: estimator, classes: classes) : nil
    }

    /// With a label that is none of the classes, the library would answer a row without neighbours with a class that it
    /// doesn't name; such a model is refused.
    private static func outlierClass(
        of estimator: PickledEstimator, classes: [ClassLabel]
    ) throws(ModelError) -> Int? {
        let value = try estimator.required("outlier_label_")
        if value == .none { return nil }
        let label: ClassLabel? =
            switch estimator.document.list(value)?.first {
            case .string(let string): .string(string)
            case .integer(let integer): .integer(integer)
            case .float(let number): .float(number)
            case .boolean(let boolean): .boolean(boolean)
            default: nil
            }
        guard let label, let index = classes.firstIndex(of: label) else {
            throw estimator.unusable("outlier_label_", value, expected: "one of the classes")
        }
        return index
    }

    var features: Features { neighborhood.features }
    let hasProbabilities = true
    var nanosecondsPerRow: Int { neighborhood.nanosecondsPerRow + 2 * classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        var votes = Matrix(rows: matrix.rows, columns: classes.count)
        var indices = [Int](repeating: 0, count: matrix.rows)
        var lonely: Int?
        try neighborhood.forEachRow(of: matrix) { row, neighbors in
            for neighbor in neighbors { votes[row, classIndices[neighbor.index]] += neighbor.weight }
            if neighbors.isEmpty {
                if let outlierClass { votes[row, outlierClass] = 1 } else if lonely == nil { lonely = row }
            }
            var best = 0
            var total = 0.0
            for index in classes.indices {
                total += votes[row, index]
                if votes[row, index] > votes[row, best] { best = index }
            }
            indices[row] = best
            if probabilities { for index in classes.indices { votes[row, index] /= total } }
        }
        if let lonely { throw .row(lonely, .noNeighbors) }
        return Classification(classIndices: indices, probabilities: probabilities ? votes : nil)
    }
}

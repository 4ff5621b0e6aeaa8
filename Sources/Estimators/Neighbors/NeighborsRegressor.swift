import Pickle

/// scikit-learn's `KNeighborsRegressor` and `RadiusNeighborsRegressor`: the mean of the neighbours.
///
/// Source: scikit-learn, `sklearn/neighbors/_regression.py`.
struct NeighborsRegressor: Regressor {
    let target: RegressionTarget
    private let neighborhood: Neighborhood
    /// What is known of the training rows: `target.count` numbers for each.
    private let targets: Matrix

    init(_ estimator: PickledEstimator, isRadius: Bool) throws(ModelError) {
        neighborhood = try Neighborhood(estimator, isRadius: isRadius)
        let (shape, elements) = try estimator.numbers("_y")
        guard (1...2).contains(shape.count), shape[0] == neighborhood.count, shape.allSatisfy({ $0 > 0 }) else {
            throw estimator.unusable(
                "_y", try estimator.required("_y"), expected: "numbers for \(neighborhood.count) rows")
        }
        target = shape.count == 1 ? .number : .numbers(shape[1])
        targets = Matrix(rows: shape[0], columns: target.count, values: elements)
    }

    var features: Features { neighborhood.features }
    var nanosecondsPerRow: Int { neighborhood.nanosecondsPerRow + 2 * target.count }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        let matrix = try table.matrix(for: features)
        var answer = Matrix(rows: matrix.rows, columns: target.count)
        var lonely: Int?
        try neighborhood.forEachRow(of: matrix) { row, neighbors in
            var total = 0.0
            for neighbor in neighbors {
                total += neighbor.weight
                for column in 0..<targets.columns {
                    answer[row, column] += targets[neighbor.index, column] * neighbor.weight
                }
            }
            for column in 0..<targets.columns { answer[row, column] /= total }
            if neighbors.isEmpty, lonely == nil { lonely = row }
        }
        // The library answers NaN.
        if let lonely { throw .row(lonely, .noNeighbors) }
        return answer
    }
}

import Pickle

/// scikit-learn's `KNNImputer`: puts the mean of the nearest training rows in the place of missing numbers.
///
/// Of rows at the same distance, the first counts as the nearest; the library leaves open which.
struct KNNImputer: Transformer {
    private let missing: MissingValue
    /// The training rows, with the missing values that they had.
    private let known: Matrix
    private let neighbors: Int
    /// Whether nearer rows weigh more: by the inverse of their distance.
    private let weighsDistance: Bool
    /// The places of the features that were missing in every training row; they become 0 if they are kept.
    private let empty: Set<Int>
    /// The places of the features that are outputs.
    private let kept: [Int]
    /// The places of the features for which an output tells whether the value was missing.
    private let indicated: [Int]

    let features: Features
    var outputCount: Int { kept.count + indicated.count }
    var nanosecondsPerRow: Int { 2 * known.values.count + 1_000 }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let missing = try MissingValue(estimator)
        self.missing = missing
        _ = try estimator.option("metric", missing: "nan_euclidean", known: ["nan_euclidean"])
        weighsDistance =
            try estimator.option("weights", missing: "uniform", known: ["uniform", "distance"]) == "distance"
        let number = try estimator.required("n_neighbors")
        guard case .integer(let neighbors) = number, neighbors > 0 else {
            throw estimator.unusable("n_neighbors", number, expected: "a number of rows")
        }
        self.neighbors = neighbors
        let rows = try estimator.required("_fit_X")
        guard let array = estimator.document.array(rows), array.shape.count == 2,
            case .floats(let values) = array.elements,
            array.shape[0] > 0, array.shape[1] > 0, values.allSatisfy({ !$0.isInfinite })
        else {
            throw estimator.unusable("_fit_X", rows, expected: "rows of numbers")
        }
        let known = Matrix(rows: array.shape[0], columns: array.shape[1], values: values)
        self.known = known
        let count = known.columns
        try reader.charge(2 * count, for: estimator, "_fit_X")
        let empty = (0..<count).filter { feature in
            (0..<known.rows).allSatisfy { missing.matches(known[$0, feature]) }
        }
        self.empty = Set(empty)
        let keepsEmpty = try estimator.boolean("keep_empty_features", missing: false)
        kept = keepsEmpty ? Array(0..<count) : (0..<count).filter { [empty = self.empty] in !empty.contains($0) }
        if try estimator.boolean("add_indicator", missing: false) {
            let value = try estimator.required("indicator_")
            let indicator = try estimator.part(value, "indicator_", kinds: "MissingIndicator")
            indicated = try indicator.places(try indicator.required("features_"), below: count, of: "features_")
            try reader.charge(indicated.count, for: indicator, "features_")
        } else {
            indicated = []
        }
        features = try estimator.features(count: count, by: "_fit_X", unusual: missing.unusual)
        guard !kept.isEmpty else { throw estimator.unusable("_fit_X", rows, expected: "a feature with a value") }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let matrix = try table.matrix(for: features)
        var output = Matrix(rows: matrix.rows, columns: outputCount)
        for row in 0..<matrix.rows {
            let given = Array(matrix.row(row))
            var distances: [Double]?
            for (place, feature) in kept.enumerated() {
                if empty.contains(feature) { continue }
                guard missing.matches(given[feature]) else {
                    output[row, place] = given[feature]
                    continue
                }
                let found = distances ?? self.distances(from: given)
                distances = found
                output[row, place] = mean(of: feature, found)
            }
            for (index, feature) in indicated.enumerated() where missing.matches(given[feature]) {
                output[row, kept.count + index] = 1
            }
        }
        return Table(output)
    }

    /// The squared distance of each training row by the features that both have, as if it had all; NaN if there are
    /// none.
    private func distances(from given: [Double]) -> [Double] {
        let present = given.indices.filter { !missing.matches(given[$0]) }
        return (0..<known.rows).map { row in
            var sum = 0.0
            var count = 0
            for feature in present {
                let value = known[row, feature]
                if missing.matches(value) { continue }
                sum += (value - given[feature]) * (value - given[feature])
                count += 1
            }
            return count == 0 ? .nan : sum / Double(count) * Double(given.count)
        }
    }

    /// The mean of a feature in the nearest rows that have it, or in all of them if none has a distance.
    private func mean(of feature: Int, _ distances: [Double]) -> Double {
        let donors = (0..<known.rows).filter { !missing.matches(known[$0, feature]) }
        let near = donors.filter { !distances[$0].isNaN }
        guard !near.isEmpty else {
            return donors.reduce(0) { $0 + known[$1, feature] } / Double(donors.count)
        }
        let nearest = near.sorted { distances[$0] == distances[$1] ? $0 < $1 : distances[$0] < distances[$1] }
            .prefix(neighbors)
        var (sum, total) = (0.0, 0.0)
        // Rows at no distance leave no weight to others.
        let isSame = distances[nearest[0]] == 0
        for row in nearest {
            let distance = distances[row].squareRoot()
            let weight = weighsDistance ? isSame ? (distance == 0 ? 1 : 0) : 1 / distance : 1
            sum += weight * known[row, feature]
            total += weight
        }
        return sum / total
    }

    func origin(ofOutput place: Int) -> Int? { place < kept.count ? kept[place] : indicated[place - kept.count] }
}

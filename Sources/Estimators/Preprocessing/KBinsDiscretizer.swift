import Pickle

/// scikit-learn's `KBinsDiscretizer`: the number of the interval that each feature lies in, or an output for each.
struct KBinsDiscretizer: Transformer {
    /// For each feature, the bounds between intervals, ascending.
    private let bounds: [[Double]]
    /// For each feature, the place of the output of its first interval; nil if the interval's number is the output.
    private let starts: [Int]?
    /// Whether features are rounded to 32 bits first (`dtype=numpy.float32`).
    private let isNarrow: Bool

    let features: Features
    let outputCount: Int
    var nanosecondsPerRow: Int { 20 * bounds.count + outputCount }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        let value = try estimator.required("bin_edges_")
        var bounds: [[Double]] = []
        switch estimator.document.array(value)?.elements {
        case .objects(let arrays)?:
            for array in arrays {
                let edges = try estimator.anyNumbers(array, of: "bin_edges_")
                try reader.charge(edges.count, for: estimator, "bin_edges_")
                guard edges.count >= 2, zip(edges, edges.dropFirst()).allSatisfy({ $0 <= $1 }) else {
                    throw estimator.unusable("bin_edges_", array, expected: "ascending edges of at least one interval")
                }
                bounds.append(Array(edges[1..<edges.count - 1]))
            }
        default: throw estimator.unusable("bin_edges_", value, expected: "an array of arrays")
        }
        guard let counts = estimator.document.array(try estimator.required("n_bins_")),
            case .integers(let counts) = counts.elements, counts == bounds.map({ $0.count + 1 })
        else {
            throw estimator.disagreement(about: "bin_edges_ and n_bins_")
        }
        self.bounds = bounds
        if try estimator.option("encode", missing: "onehot", known: ["onehot", "onehot-dense", "ordinal"]) == "ordinal"
        {
            starts = nil
            outputCount = bounds.count
        } else {
            var start = 0
            starts = counts.map { count in
                defer { start += count }
                return start
            }
            outputCount = start
        }
        let type = estimator.optional("dtype") ?? .none
        isNarrow = estimator.document.name(type)?.name == "float32"
        features = try estimator.features(count: bounds.count, by: "bin_edges_")
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        let matrix = try table.matrix(for: features)
        var output = Matrix(rows: matrix.rows, columns: outputCount)
        for row in 0..<matrix.rows {
            for feature in bounds.indices {
                var value = matrix[row, feature]
                if isNarrow {
                    let narrow = Double(Float(value))
                    guard narrow.isFinite else {
                        throw .row(row, .outOfRange(features[feature], value: value, expected: "numbers of 32 bits"))
                    }
                    value = narrow
                }
                let interval = bounds[feature].count { $0 <= value }
                if let starts {
                    output[row, starts[feature] + interval] = 1
                } else {
                    output[row, feature] = Double(interval)
                }
            }
        }
        return Table(output)
    }

    func origin(ofOutput place: Int) -> Int? {
        starts.map { $0.lastIndex { $0 <= place } } ?? place
    }
}

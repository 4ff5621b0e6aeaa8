import Pickle

/// scikit-learn's `OrdinalEncoder`: the number of each feature's category.
struct OrdinalEncoder: Transformer {
    private let encoding: CategoryEncoding
    /// For each feature, the number of each category.
    private let numbers: [[Double]]
    /// The number of a value that is no category; nil if there may be none.
    private let unknown: Double?

    var features: Features { encoding.features }
    var outputCount: Int { numbers.count }
    var nanosecondsPerRow: Int { 40 * numbers.count }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        encoding = try CategoryEncoding(estimator, with: &reader)
        let categories = encoding.categories
        let infrequent = try InfrequentCategories(estimator, categories, missingApart: true)
        let missing = try Self.number("encoded_missing_value", of: estimator, missing: .nan)
        // Before scikit-learn 1.1, missing values were categories like others.
        let encodesMissing = estimator.optional("_missing_indices") != nil
        numbers = categories.enumerated().map { feature, known in
            (0..<known.count).map { category in
                if encodesMissing, known.lastMissing == category { return missing }
                return Double(infrequent.place(of: category, feature))
            }
        }
        switch try estimator.option("handle_unknown", missing: "error", known: ["error", "use_encoded_value"]) {
        case "error": unknown = nil
        default: unknown = try Self.number("unknown_value", of: estimator, missing: nil)
        }
    }

    private static func number(
        _ attribute: String, of estimator: PickledEstimator, missing: Double?
    ) throws(ModelError) -> Double {
        if let missing, estimator.optional(attribute) == nil { return missing }
        let value = try estimator.required(attribute)
        guard let number = value.number, !number.isInfinite else {
            throw estimator.unusable(attribute, value, expected: "a number or NaN")
        }
        return number
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = Matrix(rows: table.rows, columns: numbers.count)
        if let unknown {
            try encoding.encode(table, takesUnknown: true) { row, feature, category in
                matrix[row, feature] = category.map { numbers[feature][$0] } ?? unknown
            }
        } else {
            try encoding.encode(table, takesUnknown: false) { row, feature, category in
                if let category { matrix[row, feature] = numbers[feature][category] }
            }
        }
        return Table(matrix)
    }

    func origin(ofOutput place: Int) -> Int? { place }
}

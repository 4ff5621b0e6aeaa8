import Pickle

/// scikit-learn's `OneHotEncoder`: a column for each category of each feature, with a 1 in that of the row's category.
struct OneHotEncoder: Transformer {
    private let encoding: CategoryEncoding
    /// For each feature, the output of each category; nil if its category was dropped.
    private let outputs: [[Int?]]
    /// What becomes of a value that is no category.
    private let unknown: Unknown

    private enum Unknown: Sendable {
        case error
        /// For each feature, the output of the infrequent categories, or nil if no output is 1.
        case outputs([Int?])
    }

    let outputCount: Int
    var features: Features { encoding.features }
    var nanosecondsPerRow: Int { 40 * outputs.count + outputCount }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        encoding = try CategoryEncoding(estimator, with: &reader)
        let categories = encoding.categories
        let infrequent = try InfrequentCategories(estimator, categories)
        let dropped = try Self.droppedPlaces(of: estimator, encoding, infrequent)
        var handling = try estimator.option(
            "handle_unknown", missing: "error", known: ["error", "ignore", "infrequent_if_exist", "warn"])
        // Until scikit-learn 1.8, unknown values were no infrequent ones where it also warned of them.
        if handling == "warn", estimator.version < (1, 8) { handling = "ignore" }
        var outputs: [[Int?]] = []
        var unknown: [Int?] = []
        var start = 0
        for (feature, known) in categories.enumerated() {
            func output(_ place: Int) -> Int? {
                guard let dropped = dropped[feature] else { return start + place }
                return place == dropped ? nil : start + (place > dropped ? place - 1 : place)
            }
            outputs.append((0..<known.count).map { output(infrequent.place(of: $0, feature)) })
            unknown.append(handling == "ignore" ? nil : infrequent.places[feature].flatMap(output))
            start += infrequent.count(feature, of: known) - (dropped[feature] == nil ? 0 : 1)
        }
        self.outputs = outputs
        self.unknown = handling == "error" ? .error : .outputs(unknown)
        outputCount = start
    }

    /// For each feature, the place of the category that gets no output, after infrequent ones were put together.
    private static func droppedPlaces(
        of estimator: PickledEstimator, _ encoding: CategoryEncoding, _ infrequent: InfrequentCategories
    ) throws(ModelError) -> [Int?] {
        let count = encoding.categories.count
        let attribute = estimator.optional("_drop_idx_after_grouping") == nil ? "drop_idx_" : "_drop_idx_after_grouping"
        guard let value = estimator.optional(attribute), value != .none else {
            return Array(repeating: nil, count: count)
        }
        let places: [PickledValue]
        switch try estimator.array(value, of: attribute).elements {
        case .objects(let objects): places = objects
        case .integers(let integers): places = integers.map(PickledValue.integer)
        default: places = []
        }
        guard places.count == count else {
            throw estimator.unusable(attribute, value, expected: "\(count) places of categories")
        }
        var dropped: [Int?] = []
        for (feature, place) in places.enumerated() {
            switch place {
            case .none: dropped.append(nil)
            case .integer(let place)
            where (0..<infrequent.count(feature, of: encoding.categories[feature])).contains(place):
                dropped.append(place)
            default: throw estimator.unusable(attribute, place, expected: "the place of a category or None")
            }
        }
        return dropped
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        var matrix = Matrix(rows: table.rows, columns: outputCount)
        switch unknown {
        case .error:
            try encoding.encode(table, takesUnknown: false) { row, feature, category in
                guard let category, let output = outputs[feature][category] else { return }
                matrix[row, output] = 1
            }
        case .outputs(let unknown):
            try encoding.encode(table, takesUnknown: true) { row, feature, category in
                guard let output = category.map({ outputs[feature][$0] }) ?? unknown[feature] else { return }
                matrix[row, output] = 1
            }
        }
        return Table(matrix)
    }
}

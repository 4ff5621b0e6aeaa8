import Pickle

/// What encoders of categories have in common: the categories of each feature.
struct CategoryEncoding: Sendable {
    let features: Features
    /// Those of each feature.
    let categories: [Categories]

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        var categories: [Categories] = []
        for item in try estimator.items("categories_", atMost: Self.mostFeatures) {
            let read = try Categories(item, of: estimator, "categories_")
            try reader.charge(read.count, for: estimator, "categories_")
            categories.append(read)
        }
        self.categories = categories
        features = try estimator.features(
            count: categories.count, by: "categories_", unusual: .any,
            texts: Set(categories.indices.filter { categories[$0].areTexts }),
            examples: Dictionary(uniqueKeysWithValues: categories.enumerated().map { ($0, $1.example) }))
    }

    static let mostFeatures = 1 << 20

    /// Finds the index of each value's category.
    ///
    /// - Parameters:
    ///   - takesUnknown: whether values that are no category are no error.
    ///   - body: is called with the row, the feature and the index of the category, or nil if the value is none.
    @inline(__always)
    func encode(
        _ table: Table, takesUnknown: Bool, _ body: (_ row: Int, _ feature: Int, _ category: Int?) -> Void
    ) throws(FeatureError) {
        switch table.content {
        case .matrix(let matrix):
            guard matrix.columns == features.count else {
                throw .row(0, .count(found: matrix.columns, expected: features.count))
            }
            var place = 0
            for row in 0..<matrix.rows {
                for feature in categories.indices {
                    do throws(Categories.Unknown) {
                        body(row, feature, try categories[feature].index(of: matrix.values[place]))
                    } catch {
                        if let problem = problem(error, feature, takesUnknown: takesUnknown) {
                            throw .row(row, problem)
                        }
                        body(row, feature, nil)
                    }
                    place += 1
                }
            }
        case .columns:
            for (feature, column) in try table.columns(for: features).enumerated() {
                let known = categories[feature]
                for row in 0..<table.rows {
                    do throws(Categories.Unknown) {
                        switch column.values {
                        case .numbers(let numbers): body(row, feature, try known.index(of: numbers[row]))
                        case .texts(let texts): body(row, feature, try known.index(of: texts[row]))
                        }
                    } catch {
                        if let problem = problem(error, feature, takesUnknown: takesUnknown) {
                            throw .row(row, problem)
                        }
                        body(row, feature, nil)
                    }
                }
            }
        }
    }

    /// What is wrong with a value that is no category; nil if nothing is.
    private func problem(
        _ unknown: Categories.Unknown, _ feature: Int, takesUnknown: Bool
    ) -> FeatureError.Problem? {
        switch unknown {
        case .infinite(let number): .notFinite(features[feature], value: number)
        case .number: .number(features[feature])
        case .text: .text(features[feature])
        case .category(let value): takesUnknown ? nil : .unknownCategory(features[feature], value: value)
        case .missing: takesUnknown ? nil : .missing(features[feature])
        }
    }
}

/// How an encoder puts infrequent categories together; since scikit-learn 1.1.
struct InfrequentCategories {
    /// For each feature, the place of the category that stands for the infrequent ones, after grouping; nil if there are
    /// none.
    private(set) var places: [Int?]
    /// For each feature, the place of each category after grouping; nil if there are no infrequent ones.
    private(set) var mappings: [[Int]?]

    /// - Parameter missingApart: whether a category of missing values that comes last is none of the grouped.
    init(
        _ estimator: PickledEstimator, _ categories: [Categories], missingApart: Bool = false
    ) throws(ModelError) {
        places = Array(repeating: nil, count: categories.count)
        mappings = Array(repeating: nil, count: categories.count)
        guard try estimator.boolean("_infrequent_enabled", missing: false) else { return }
        let attribute = "_default_to_infrequent_mappings"
        let items = try estimator.items(attribute, atMost: categories.count)
        guard items.count == categories.count else {
            throw estimator.disagreement(about: "categories_ and \(attribute)")
        }
        for (feature, item) in items.enumerated() where item != .none {
            let mapping = try estimator.places(item, below: categories[feature].count, of: attribute)
            // The infrequent ones come last.
            let isMissingApart = missingApart && categories[feature].lastMissing != nil
            guard mapping.count == categories[feature].count - (isMissingApart ? 1 : 0), let last = mapping.max() else {
                throw estimator.unusable(attribute, item, expected: "a place for each category")
            }
            places[feature] = last
            mappings[feature] = mapping
        }
    }

    /// The number of places after grouping.
    func count(_ feature: Int, of categories: Categories) -> Int { places[feature].map { $0 + 1 } ?? categories.count }

    /// The place of a category after grouping.
    func place(of category: Int, _ feature: Int) -> Int {
        guard let mapping = mappings[feature], category < mapping.count else { return category }
        return mapping[category]
    }
}

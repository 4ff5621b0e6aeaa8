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

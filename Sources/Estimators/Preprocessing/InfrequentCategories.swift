import Pickle

/// How an encoder puts infrequent categories together; since scikit-learn 1.1.
struct InfrequentCategories {
    /// For each feature, the place of the category that stands for the infrequent ones, after grouping; nil if there
    /// are none.
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

import Pickle

/// The rows that histogram-based trees walk on, made of the features that the model is given.
///
/// Since version 1.4 a model with categories has an encoder of them inside; its trees then know first the categories, as
/// numbers from 0, and behind them the features that are numbers.
///
/// Source: `sklearn/ensemble/_hist_gradient_boosting/gradient_boosting.py`, `_preprocess_X`; `binning.py`,
/// `make_known_categories_bitsets`.
struct HistogramInput: Sendable {
    /// How one of the trees' features comes about.
    private enum Source: Sendable {
        /// The number itself.
        case number(Int)
        /// The place of a number among categories.
        case numbers(Int, [Double: Double])
        /// The place of a text among categories.
        case texts(Int, [String: Double])
    }

    /// The features that the model takes.
    let given: Features
    /// The features that the trees know.
    let features: Features
    let categories: CategorySets?
    /// For each of the trees' features; nil if those are the model's.
    private let sources: [Source]?

    var nanosecondsPerRow: Int { sources == nil ? 2 : 40 * features.count }

    init(_ estimator: PickledEstimator) throws(ModelError) {
        guard let count = try estimator.featureCount() else {
            throw .unusable(
                part: "\(estimator.kind.name).n_features_in_", found: "no such attribute",
                expected: "a fitted estimator's", offset: estimator.offset)
        }
        let plain = try estimator.features(count: count, by: "n_features_in_", unusual: .any)
        categories = try Self.categories(of: estimator, count: count)
        guard let preprocessor = estimator.optional("_preprocessor"), preprocessor != .none else {
            (given, features, sources) = (plain, plain, nil)
            return
        }
        let sources = try Self.sources(of: estimator, preprocessor, count: count)
        var texts: Set<Int> = []
        for case .texts(let index, _) in sources { texts.insert(index) }
        given = Features(count: count, names: plain.names, unusual: .any, texts: texts)
        features = Features(count: count, unusual: .any)
        self.sources = sources
    }

    /// The known categories of each of the trees' features; nil if none is a category.
    private static func categories(
        of estimator: PickledEstimator, count: Int
    ) throws(ModelError) -> CategorySets? {
        let document = estimator.document
        let value = try estimator.required("_bin_mapper")
        let mapper = try estimator.instance(value, of: "_BinMapper", owner: "_bin_mapper").attributes
        guard case .node(let node)? = document.member("is_categorical_", of: mapper),
            case .array(let array) = document[node], array.shape == [count],
            let thresholds = document.list(document.member("bin_thresholds_", of: mapper) ?? .none),
            thresholds.count == count, let isCategorical = array.flags
        else {
            throw estimator.unusable("_bin_mapper", value, expected: "a bin mapper of \(count) features")
        }
        guard isCategorical.contains(true) else { return nil }
        var known = [UInt32](repeating: 0, count: count * CategorySets.wordsPerSet)
        for (feature, isCategorical) in isCategorical.enumerated() where isCategorical {
            guard case .node(let node) = thresholds[feature], case .array(let array) = document[node],
                case .floats(let values) = array.elements, values.allSatisfy({ (0..<256).contains($0) })
            else {
                throw estimator.unusable("_bin_mapper", value, expected: "categories from 0 to 255")
            }
            for value in values {
                known[feature * CategorySets.wordsPerSet + Int(value) / 32] |= 1 << UInt32(Int(value) % 32)
            }
        }
        return CategorySets(
            known: known, features: isCategorical,
            negativeIsMissing: estimator.libraryVersion >= LibraryVersion(1, 2))
    }

    private static func sources(
        of estimator: PickledEstimator, _ preprocessor: PickledValue, count: Int
    ) throws(ModelError) -> [Source] {
        let document = estimator.document
        let mask = try estimator.required("is_categorical_")
        guard case .node(let node) = mask, case .array(let array) = document[node], array.shape == [count],
            let isCategorical = array.flags
        else { throw estimator.unusable("is_categorical_", mask, expected: "\(count) of True and False") }
        let transformer = try estimator.instance(preprocessor, of: "ColumnTransformer", owner: "_preprocessor")
            .attributes
        guard let first = document.list(document.member("transformers_", of: transformer) ?? .none)?.first,
            let encoder = document.tuple(first), encoder.count == 3, encoder[0] == .string("encoder")
        else { throw estimator.unusable("_preprocessor", preprocessor, expected: "an encoder of categories") }
        let attributes = try estimator.instance(encoder[1], of: "OrdinalEncoder", owner: "_preprocessor").attributes
        let places = isCategorical.indices.filter { isCategorical[$0] }
        guard let lists = document.list(document.member("categories_", of: attributes) ?? .none),
            lists.count == places.count
        else {
            throw estimator.unusable("_preprocessor", encoder[1], expected: "categories of \(places.count) features")
        }
        var sources: [Source] = []
        for (place, list) in zip(places, lists) { sources.append(try source(estimator, place, categories: list)) }
        sources += isCategorical.indices.filter { !isCategorical[$0] }.map(Source.number)
        return sources
    }

    /// The places of the categories of one feature. A missing value among them has a place too, but stays missing.
    private static func source(
        _ estimator: PickledEstimator, _ place: Int, categories: PickledValue
    ) throws(ModelError) -> Source {
        guard case .node(let node) = categories, case .array(let array) = estimator.document[node],
            array.shape.count == 1
        else { throw estimator.unusable("_preprocessor", categories, expected: "an array of categories") }
        var numbers: [Double: Double] = [:]
        var texts: [String: Double] = [:]
        switch array.elements {
        case .floats(let values):
            for (index, value) in values.enumerated() where !value.isNaN { numbers[value] = Double(index) }
        case .integers(let values):
            for (index, value) in values.enumerated() { numbers[Double(value)] = Double(index) }
        case .booleans(let values):
            for (index, value) in values.enumerated() { numbers[value ? 1 : 0] = Double(index) }
        case .strings(let values):
            for (index, value) in values.enumerated() { texts[value] = Double(index) }
        case .objects(let values):
            for (index, value) in values.enumerated() {
                switch value {
                case .string(let text): texts[text] = Double(index)
                case .none: break
                case .float(let number) where number.isNaN: break
                case .boolean(let boolean): numbers[boolean ? 1 : 0] = Double(index)
                case _ where value.number != nil: numbers[value.number ?? 0] = Double(index)
                default:
                    throw estimator.unusable("_preprocessor", value, expected: "a text or number as category")
                }
            }
        }
        if texts.isEmpty { return .numbers(place, numbers) }
        guard numbers.isEmpty else {
            throw estimator.unusable("_preprocessor", categories, expected: "either texts or numbers as categories")
        }
        return .texts(place, texts)
    }

    /// The trees' features of each row.
    func matrix(_ table: Table) throws(FeatureError) -> Matrix {
        guard let sources else { return try table.matrix(for: given) }
        let columns = try table.columns(for: given)
        var matrix = Matrix(rows: table.rows, columns: sources.count)
        for (feature, source) in sources.enumerated() {
            switch source {
            case .number(let place):
                let numbers = try numbers(columns[place], place)
                for row in 0..<matrix.rows { matrix[row, feature] = numbers[row] }
            case .numbers(let place, let categories):
                let numbers = try numbers(columns[place], place)
                for row in 0..<matrix.rows {
                    let number = numbers[row]
                    // The encoder takes no infinity, not even as an unknown category.
                    if number.isInfinite {
                        throw .row(
                            row, .notFinite(Feature(index: place, name: given.names?[place]), value: number))
                    }
                    matrix[row, feature] = categories[number] ?? .nan
                }
            case .texts(let place, let categories):
                guard case .texts(let texts) = columns[place].values else {
                    throw .row(0, .number(Feature(index: place, name: given.names?[place])))
                }
                for row in 0..<matrix.rows {
                    matrix[row, feature] = texts[row].flatMap { categories[$0] } ?? .nan
                }
            }
        }
        return matrix
    }

    private func numbers(_ column: Column, _ place: Int) throws(FeatureError) -> [Double] {
        guard case .numbers(let numbers) = column.values else {
            throw .row(0, .text(Feature(index: place, name: given.names?[place])))
        }
        return numbers
    }
}

extension NumpyArray {
    /// Booleans, or whole numbers of which any but 0 is true; nil for other elements.
    fileprivate var flags: [Bool]? {
        switch elements {
        case .booleans(let flags): flags
        case .integers(let numbers): numbers.map { $0 != 0 }
        case .floats, .strings, .objects: nil
        }
    }
}

import Pickle

/// scikit-learn's `SimpleImputer`: puts one value for each feature in the place of its missing ones.
struct SimpleImputer: Transformer {
    /// What stands in for a feature's missing values.
    private enum Fill: Sendable {
        case number(Double)
        case text(String)
    }

    private let missing: MissingValue
    /// Those of the features that are kept.
    private let fills: [Fill]
    /// The places of the features that are kept: all that had a value in the training data, or all.
    private let kept: [Int]
    /// The places of the features for which an output tells whether the value was missing.
    private let indicated: [Int]

    let features: Features
    var outputCount: Int { kept.count + indicated.count }
    var nanosecondsPerRow: Int { 3 * features.count }

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        missing = try MissingValue(estimator)
        let keepsEmpty = try estimator.boolean("keep_empty_features", missing: false)
        let value = try estimator.required("statistics_")
        let array = try estimator.array(value, of: "statistics_")
        let statistics: [PickledValue]
        switch array.elements {
        case .booleans(let booleans): statistics = booleans.map { .integer($0 ? 1 : 0) }
        case .integers(let integers): statistics = integers.map(PickledValue.integer)
        case .floats(let numbers): statistics = numbers.map(PickledValue.float)
        case .strings(let texts): statistics = texts.map(PickledValue.string)
        case .objects(let objects): statistics = objects
        }
        try reader.charge(statistics.count, for: estimator, "statistics_")
        var fills: [Fill] = []
        var kept: [Int] = []
        var texts: Set<Int> = []
        var examples: [Int: Features.Example] = [:]
        for (place, statistic) in statistics.enumerated() {
            let fill: Fill
            switch statistic {
            case .string(let text): fill = .text(text)
            case .integer(let number): fill = .number(Double(number))
            case .boolean(let boolean): fill = .number(boolean ? 1 : 0)
            case .float(let number):
                if number.isNaN && !keepsEmpty { continue }
                fill = .number(number)
            default: throw estimator.unusable("statistics_", statistic, expected: "text or a number")
            }
            kept.append(place)
            fills.append(fill)
            switch fill {
            case .text(let text):
                texts.insert(place)
                examples[place] = .text(text)
            case .number(let number): examples[place] = .number(number)
            }
        }
        self.fills = fills
        self.kept = kept
        features = try estimator.features(
            count: statistics.count, by: "statistics_", unusual: missing.unusual, texts: texts, examples: examples)
        if try estimator.boolean("add_indicator", missing: false) {
            let indicator = try estimator.part(
                try estimator.required("indicator_"), "indicator_", kinds: "MissingIndicator")
            indicated = try indicator.places(
                try indicator.required("features_"), below: statistics.count, of: "features_")
            try reader.charge(indicated.count, for: indicator, "features_")
        } else {
            indicated = []
        }
        guard !kept.isEmpty else { throw estimator.unusable("statistics_", value, expected: "a feature with a value") }
    }

    func transform(_ table: Table) throws(FeatureError) -> Table {
        if case .matrix = table.content, features.texts.isEmpty {
            return Table(imputed(try table.matrix(for: features)))
        }
        let columns = try table.columns(for: features)
        var imputed: [Column.Values] = []
        for (place, fill) in zip(kept, fills) { imputed.append(try values(columns[place], place, fill)) }
        for place in indicated { imputed.append(try indicator(columns[place], place)) }
        return Table(values: imputed, rows: table.rows)
    }

    /// Numbers alone, in place if every feature is kept.
    private func imputed(_ matrix: Matrix) -> Matrix {
        var imputed = kept.count == matrix.columns ? matrix : matrix.choosing(kept)
        imputed.replaceAll { value, column in
            guard missing.matches(value), case .number(let number) = fills[column] else { return value }
            return number
        }
        if indicated.isEmpty { return imputed }
        var wide = Matrix(rows: matrix.rows, columns: outputCount)
        wide.replaceColumns(from: 0, with: imputed)
        for row in 0..<matrix.rows {
            for (index, place) in indicated.enumerated() where missing.matches(matrix[row, place]) {
                wide[row, kept.count + index] = 1
            }
        }
        return wide
    }

    private func values(_ column: Column, _ place: Int, _ fill: Fill) throws(FeatureError) -> Column.Values {
        switch (column.values, fill) {
        case (.numbers(var numbers), .number(let number)):
            for row in numbers.indices {
                if missing.matches(numbers[row]) {
                    numbers[row] = number
                } else if !numbers[row].isFinite {
                    throw .row(row, .notFinite(features[place], value: numbers[row]))
                }
            }
            return .numbers(numbers)
        case (.texts(var texts), .text(let text)):
            for row in texts.indices {
                if missing.matches(texts[row]) {
                    texts[row] = text
                } else if texts[row] == nil {
                    throw .row(row, .missing(features[place]))
                }
            }
            return .texts(texts)
        case (.numbers, .text): throw .row(0, .number(features[place]))
        case (.texts, .number): throw .row(0, .text(features[place]))
        }
    }

    /// 1 for each row whose value is missing. The feature may be one that is left out, of either kind.
    private func indicator(_ column: Column, _ place: Int) throws(FeatureError) -> Column.Values {
        switch column.values {
        case .numbers(let numbers): .numbers(numbers.map { missing.matches($0) ? 1 : 0 })
        case .texts(let texts): .numbers(texts.map { missing.matches($0) ? 1 : 0 })
        }
    }

    func origin(ofOutput place: Int) -> Int? { place < kept.count ? kept[place] : indicated[place - kept.count] }
}

import Pickle

/// Why rows of features can't be predicted. The caller can correct it.
package enum FeatureError: Error, Sendable, Hashable {
    /// A row, counted from 0, is not one that the model accepts.
    case row(Int, Problem)
    /// A column that the model was fitted with isn't there.
    case missingColumn(String)

    /// The flaw of a row.
    package enum Problem: Sendable, Hashable {
        /// The row's number of features differs from the model's.
        case count(found: Int, expected: Int)
        /// A feature is NaN or infinite.
        case notFinite(Feature, value: Double)
        /// A feature is a number beyond the range of 32 bits, in which the model computes.
        case tooLarge(Feature, value: Double)
        /// A feature is text where the model takes a number.
        case text(Feature)
        /// A feature is a number where the model takes text.
        case number(Feature)
        /// A feature is none of the categories that an encoder was fitted with, and it takes no others.
        case unknownCategory(Feature, value: String)
        /// A feature is a number that the model doesn't take; `expected` says which it takes.
        case outOfRange(Feature, value: Double, expected: String)
        /// A feature is missing where the model takes no missing value.
        case missing(Feature)
        /// None of the training data is within the radius in which the model looks for neighbours.
        case noNeighbors
        /// Every feature is a number, but so large that the model's arithmetic overflows.
        case overflow
    }

    /// The same flaw of a row that comes `count` rows later.
    package func shifted(by count: Int) -> FeatureError {
        switch self {
        case .row(let row, let problem): .row(row + count, problem)
        case .missingColumn: self
        }
    }
}

extension FeatureError {
    /// The same flaw, with the feature where the caller knows it; `.overflow` if it is none of the caller's.
    ///
    /// - Parameter origin: the caller's feature that a feature comes from; nil if it is calculated from several.
    func relocated(_ origin: (Feature) -> Feature?) -> FeatureError {
        guard case .row(let row, let problem) = self else { return self }
        func at(_ feature: Feature, _ problem: (Feature) -> Problem) -> FeatureError {
            .row(row, origin(feature).map(problem) ?? .overflow)
        }
        switch problem {
        case .count, .noNeighbors, .overflow: return self
        case .notFinite(let feature, let value): return at(feature) { .notFinite($0, value: value) }
        case .tooLarge(let feature, let value): return at(feature) { .tooLarge($0, value: value) }
        case .text(let feature): return at(feature) { .text($0) }
        case .number(let feature): return at(feature) { .number($0) }
        case .unknownCategory(let feature, let value): return at(feature) { .unknownCategory($0, value: value) }
        case .outOfRange(let feature, let value, let expected):
            return at(feature) { .outOfRange($0, value: value, expected: expected) }
        case .missing(let feature): return at(feature) { .missing($0) }
        }
    }
}

extension FeatureError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .row(let row, let problem): "row \(row): \(problem)"
        case .missingColumn(let name): "the column \(quoted(name)) is missing"
        }
    }
}

extension FeatureError.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .count(let found, let expected):
            "\(found) \(found == 1 ? "feature" : "features"), but the model takes \(expected)"
        case .notFinite(let feature, let value):
            "\(feature) is \(value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity"), not a finite number"
        case .tooLarge(let feature, let value):
            "\(feature) is \(value), which is too large for the 32 bits that the model takes"
        case .text(let feature):
            "\(feature) is text, not a number"
        case .number(let feature):
            "\(feature) is a number, not text"
        case .unknownCategory(let feature, let value):
            "\(feature) is \(value), which is none of the categories that the model knows"
        case .outOfRange(let feature, let value, let expected):
            "\(feature) is \(value), but the model takes \(expected)"
        case .missing(let feature):
            "\(feature) is missing"
        case .noNeighbors:
            "none of the model's training data is near it"
        case .overflow:
            "the features are too large: the model's arithmetic overflows"
        }
    }
}

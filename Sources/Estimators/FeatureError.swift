/// Why a row of features can't be classified.
package enum FeatureError: Error, Sendable, Hashable {
    /// The row's number of features differs from the model's.
    case count(found: Int, expected: Int)
    /// A feature, counted from 0, is NaN or infinite.
    case notFinite(index: Int, value: Double)
    /// Every feature is a number, but so large that the model's arithmetic overflows.
    case overflow
}

extension FeatureError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .count(let found, let expected):
            "\(found) \(found == 1 ? "feature" : "features"), but the model takes \(expected)"
        case .notFinite(let index, let value):
            "feature \(index) is \(value.isNaN ? "NaN" : value < 0 ? "-infinity" : "infinity"), not a finite number"
        case .overflow:
            "the features are too large: the model's arithmetic overflows"
        }
    }
}

import Pickle

/// A step of a pipeline that transforms features and keeps their number.
enum Scaler: Sendable {
    case standard(StandardScaler)
    case minMax(MinMaxScaler)

    var featureCount: Int {
        switch self {
        case .standard(let scaler): scaler.featureCount
        case .minMax(let scaler): scaler.featureCount
        }
    }

    /// Transforms one row of `featureCount` features in place.
    func transform(_ row: UnsafeMutableBufferPointer<Double>) {
        switch self {
        case .standard(let scaler): unsafe scaler.transform(row)
        case .minMax(let scaler): unsafe scaler.transform(row)
        }
    }
}

// MARK: - Shared checks

extension PickledEstimator {
    /// The number of features that the estimator was fitted with; nil before scikit-learn 0.24, which did not store it.
    func featureCount() throws(ModelError) -> Int? {
        guard let value = optional("n_features_in_") else { return nil }
        guard case .integer(let count) = value, count > 0 else {
            throw unusable("n_features_in_", value, expected: "a number of features")
        }
        return count
    }

    /// An error about attributes that imply different numbers of features.
    func disagreement(about attributes: String) -> ModelError {
        .unusable(
            part: kind.rawValue, found: "different numbers of features in \(attributes)", expected: "one number",
            offset: offset)
    }
}

extension Array where Element == Int? {
    /// Whether every number that is present equals `count`, and `count` is at least 1.
    func allAgree(on count: Int) -> Bool {
        count > 0 && allSatisfy { $0 == nil || $0 == count }
    }
}

import Pickle

/// Estimators that answer as one does that they hold: searches for parameters, and those that keep it from being fitted anew.
///
/// Sources: scikit-learn, `sklearn/model_selection/_search.py` and `sklearn/frozen/_frozen.py`.
enum ChosenEstimator {
    /// - Parameter attribute: what holds the estimator.
    static func read(
        _ estimator: PickledEstimator, _ attribute: String, with reader: inout ModelReader
    ) throws(ModelError) -> Estimator {
        guard let value = estimator.optional(attribute) else {
            throw .unusable(
                part: "\(estimator.kind.name).\(attribute)", found: "no such attribute",
                expected: "the best estimator, fitted to all data (refit=True)", offset: estimator.offset)
        }
        return try reader.estimator(value, part: "\(estimator.kind.name).\(attribute)")
    }
}

import Glibc
import Pickle

/// scikit-learn's `HistGradientBoostingRegressor`.
struct HistGradientBoostingRegressor: Regressor {
    private let boosting: HistGradientBoosting
    /// Whether scores are logarithms of what is predicted.
    private let isLogarithmic: Bool

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        switch try estimator.required("loss") {
        case .string("squared_error"), .string("least_squares"), .string("absolute_error"),
            .string("least_absolute_deviation"), .string("quantile"):
            isLogarithmic = false
        case .string("poisson"), .string("gamma"):
            isLogarithmic = true
        case let value:
            throw estimator.unusable("loss", value, expected: "one of scikit-learn's losses by name")
        }
        boosting = try HistGradientBoosting(estimator, width: 1, with: &reader)
    }

    var features: Features { boosting.features }
    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { boosting.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        var answer = try boosting.scores(table)
        if isLogarithmic {
            for place in answer.values.indices { answer.values[place] = exp(answer.values[place]) }
        }
        return answer
    }
}

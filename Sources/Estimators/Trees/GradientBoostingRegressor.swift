import Pickle

/// scikit-learn's `GradientBoostingRegressor`: all of its losses predict the score itself.
struct GradientBoostingRegressor: Regressor {
    private let boosting: GradientBoosting

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        boosting = try GradientBoosting(estimator, width: 1, loss: nil, with: &reader)
    }

    var features: Features { boosting.features }
    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { boosting.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix { try boosting.scores(table) }
}

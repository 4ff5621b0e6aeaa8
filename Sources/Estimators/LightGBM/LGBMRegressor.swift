import Pickle

/// LightGBM's `LGBMRegressor` and `LGBMRanker`.
struct LGBMRegressor: Regressor {
    private let model: LightGBMModel

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        model = try LightGBMModel(estimator, with: &reader)
        guard model.width == 1 else {
            throw estimator.unusable(
                "_objective", estimator.optional("_objective") ?? .none, expected: "an objective for a number")
        }
    }

    var features: Features { model.features }
    var target: RegressionTarget { .number }
    var nanosecondsPerRow: Int { model.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix { try model.answers(table) }
}

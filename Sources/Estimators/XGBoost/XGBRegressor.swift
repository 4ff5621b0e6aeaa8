import Pickle

/// XGBoost's `XGBRegressor`, `XGBRFRegressor` and `XGBRanker`.
struct XGBRegressor: Regressor {
    private let model: XGBoostModel

    init(_ estimator: PickledEstimator, with reader: inout ModelReader) throws(ModelError) {
        model = try XGBoostModel(estimator, with: &reader)
        guard model.classCount == 0 else {
            throw estimator.unusable(
                "objective", estimator.optional("objective") ?? .none, expected: "an objective for numbers")
        }
    }

    var features: Features { model.features }
    var target: RegressionTarget { model.width == 1 ? .number : .numbers(model.width) }
    var nanosecondsPerRow: Int { model.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix { try model.answers(table) }
}

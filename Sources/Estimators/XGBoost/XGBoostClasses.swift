import Pickle

extension EstimatorClass {
    /// XGBoost's classes in the manner of scikit-learn.
    static let xgboost =
        ["XGBClassifier", "XGBRFClassifier"].map { name in
            EstimatorClass(name, in: "xgboost.sklearn") { (estimator, reader) throws(ModelError) in
                .classifier(try XGBClassifier(estimator, with: &reader))
            }
        }
        + ["XGBRegressor", "XGBRFRegressor", "XGBRanker"].map { name in
            EstimatorClass(name, in: "xgboost.sklearn") { (estimator, reader) throws(ModelError) in
                .regressor(try XGBRegressor(estimator, with: &reader))
            }
        }

    /// What they consist of.
    static let xgboostParts: Set<PythonName> = [PythonName(module: "xgboost.core", name: "Booster")]
}

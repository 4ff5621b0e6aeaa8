import Pickle

extension EstimatorClass {
    /// LightGBM's classes in the manner of scikit-learn.
    static let lightgbm =
        [
            EstimatorClass("LGBMClassifier", in: "lightgbm.sklearn") { (estimator, reader) throws(ModelError) in
                .classifier(try LGBMClassifier(estimator, with: &reader))
            }
        ]
        + ["LGBMRegressor", "LGBMRanker"].map { name in
            EstimatorClass(name, in: "lightgbm.sklearn") { (estimator, reader) throws(ModelError) in
                .regressor(try LGBMRegressor(estimator, with: &reader))
            }
        }

    /// What they consist of.
    static let lightgbmParts: Set<PythonName> = [PythonName(module: "lightgbm.basic", name: "Booster")]
}

extension EstimatorClass {
    /// Estimators that combine others, and dummies.
    static let ensembles = [
        EstimatorClass("DummyClassifier", in: "sklearn.dummy") { (estimator, _) throws(ModelError) in
            .classifier(try DummyClassifier(estimator))
        },
        EstimatorClass("DummyRegressor", in: "sklearn.dummy") { (estimator, _) throws(ModelError) in
            .regressor(try DummyRegressor(estimator))
        },
    ]
}

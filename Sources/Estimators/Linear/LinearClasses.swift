extension EstimatorClass {
    /// Linear models.
    static let linear = [
        EstimatorClass("LogisticRegression", in: "sklearn.linear_model._logistic", "sklearn.linear_model.logistic") {
            (estimator, _) throws(ModelError) in .classifier(try LogisticRegression(estimator))
        }
    ]
}

extension EstimatorClass {
    /// Estimators that consist of others.
    static let composition = [
        EstimatorClass("Pipeline", in: "sklearn.pipeline") { (estimator, reader) throws(ModelError) in
            try Pipeline.read(estimator, with: &reader)
        }
    ]
}

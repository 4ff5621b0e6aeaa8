extension EstimatorClass {
    /// Estimators that consist of others.
    static let composition = [
        EstimatorClass("Pipeline", in: "sklearn.pipeline") { (estimator, reader) throws(ModelError) in
            try Pipeline.read(estimator, with: &reader)
        },
        EstimatorClass("FeatureUnion", in: "sklearn.pipeline") { (estimator, reader) throws(ModelError) in
            .transformer(try FeatureUnion(estimator, with: &reader))
        },
        EstimatorClass("ColumnTransformer", in: "sklearn.compose._column_transformer") {
            (estimator, reader) throws(ModelError) in .transformer(try ColumnTransformer(estimator, with: &reader))
        },
        EstimatorClass("FunctionTransformer", in: "sklearn.preprocessing._function_transformer") {
            (estimator, _) throws(ModelError) in .transformer(try FunctionTransformer(estimator))
        },
        EstimatorClass("TransformedTargetRegressor", in: "sklearn.compose._target") {
            (estimator, reader) throws(ModelError) in
            .regressor(try TransformedTargetRegressor(estimator, with: &reader))
        },
    ]
}

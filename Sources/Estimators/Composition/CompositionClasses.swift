extension EstimatorClass {
    /// Estimators that consist of others.
    static let composition =
        [
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
        ] + chosen + thresholds

    private static let chosen = [
        ("GridSearchCV", "sklearn.model_selection._search", "best_estimator_"),
        ("RandomizedSearchCV", "sklearn.model_selection._search", "best_estimator_"),
        ("HalvingGridSearchCV", "sklearn.model_selection._search_successive_halving", "best_estimator_"),
        ("HalvingRandomSearchCV", "sklearn.model_selection._search_successive_halving", "best_estimator_"),
        ("FrozenEstimator", "sklearn.frozen._frozen", "estimator"),
    ].map { name, module, attribute in
        EstimatorClass(name, in: module) { (estimator, reader) throws(ModelError) in
            try ChosenEstimator.read(estimator, attribute, with: &reader)
        }
    }

    private static let thresholds = ["FixedThresholdClassifier", "TunedThresholdClassifierCV"].map { name in
        EstimatorClass(name, in: "sklearn.model_selection._classification_threshold") {
            (estimator, reader) throws(ModelError) in
            .classifier(try ThresholdClassifier(estimator, with: &reader))
        }
    }
}

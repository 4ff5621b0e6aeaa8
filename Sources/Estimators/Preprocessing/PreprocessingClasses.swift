extension EstimatorClass {
    /// Scalers, imputers, encoders, and what gives features another shape.
    static let preprocessing = scalers + shapes + imputers + encoders

    private static let scalers = [
        EstimatorClass("StandardScaler", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try StandardScaler(estimator))
        },
        EstimatorClass("MinMaxScaler", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try MinMaxScaler(estimator))
        },
        EstimatorClass("MaxAbsScaler", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try MaxAbsScaler(estimator))
        },
        EstimatorClass("RobustScaler", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try RobustScaler(estimator))
        },
        EstimatorClass("Normalizer", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try Normalizer(estimator))
        },
        EstimatorClass("Binarizer", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try Binarizer(estimator))
        },
    ]

    private static let shapes = [
        EstimatorClass("PolynomialFeatures", in: "sklearn.preprocessing._polynomial", "sklearn.preprocessing._data") {
            (estimator, reader) throws(ModelError) in .transformer(try PolynomialFeatures(estimator, with: &reader))
        },
        EstimatorClass("SplineTransformer", in: "sklearn.preprocessing._polynomial") {
            (estimator, reader) throws(ModelError) in .transformer(try SplineTransformer(estimator, with: &reader))
        },
        EstimatorClass("KBinsDiscretizer", in: "sklearn.preprocessing._discretization") {
            (estimator, reader) throws(ModelError) in .transformer(try KBinsDiscretizer(estimator, with: &reader))
        },
        EstimatorClass("PowerTransformer", in: "sklearn.preprocessing._data") {
            (estimator, _) throws(ModelError) in .transformer(try PowerTransformer(estimator))
        },
        EstimatorClass("QuantileTransformer", in: "sklearn.preprocessing._data") {
            (estimator, reader) throws(ModelError) in .transformer(try QuantileTransformer(estimator, with: &reader))
        },
    ]

    private static let imputers = [
        EstimatorClass("SimpleImputer", in: "sklearn.impute._base") {
            (estimator, reader) throws(ModelError) in .transformer(try SimpleImputer(estimator, with: &reader))
        },
        EstimatorClass("KNNImputer", in: "sklearn.impute._knn") {
            (estimator, reader) throws(ModelError) in .transformer(try KNNImputer(estimator, with: &reader))
        },
        EstimatorClass("MissingIndicator", in: "sklearn.impute._base") {
            (estimator, reader) throws(ModelError) in .transformer(try MissingIndicator(estimator, with: &reader))
        },
    ]

    private static let encoders = [
        EstimatorClass("OneHotEncoder", in: "sklearn.preprocessing._encoders") {
            (estimator, reader) throws(ModelError) in .transformer(try OneHotEncoder(estimator, with: &reader))
        },
        EstimatorClass("OrdinalEncoder", in: "sklearn.preprocessing._encoders") {
            (estimator, reader) throws(ModelError) in .transformer(try OrdinalEncoder(estimator, with: &reader))
        },
        EstimatorClass("TargetEncoder", in: "sklearn.preprocessing._target_encoder") {
            (estimator, reader) throws(ModelError) in .transformer(try TargetEncoder(estimator, with: &reader))
        },
    ]
}

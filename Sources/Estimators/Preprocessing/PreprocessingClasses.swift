extension EstimatorClass {
    /// Scalers, imputers, encoders.
    static let preprocessing = scalers + imputers + encoders

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

    private static let imputers = [
        EstimatorClass("SimpleImputer", in: "sklearn.impute._base") {
            (estimator, reader) throws(ModelError) in .transformer(try SimpleImputer(estimator, with: &reader))
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

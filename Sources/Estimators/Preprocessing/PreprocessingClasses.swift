extension EstimatorClass {
    /// Scalers, imputers, encoders.
    static let preprocessing = [
        EstimatorClass("StandardScaler", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try StandardScaler(estimator))
        },
        EstimatorClass("MinMaxScaler", in: "sklearn.preprocessing._data", "sklearn.preprocessing.data") {
            (estimator, _) throws(ModelError) in .transformer(try MinMaxScaler(estimator))
        },
    ]
}

extension EstimatorClass {
    /// What is answered by the nearest of the training data.
    static let neighbors = [
        EstimatorClass(
            "KNeighborsClassifier", in: "sklearn.neighbors._classification", "sklearn.neighbors.classification"
        ) {
            (estimator, _) throws(ModelError) in .classifier(try NeighborsClassifier(estimator, isRadius: false))
        },
        EstimatorClass(
            "RadiusNeighborsClassifier", in: "sklearn.neighbors._classification", "sklearn.neighbors.classification"
        ) {
            (estimator, _) throws(ModelError) in .classifier(try NeighborsClassifier(estimator, isRadius: true))
        },
        EstimatorClass("KNeighborsRegressor", in: "sklearn.neighbors._regression", "sklearn.neighbors.regression") {
            (estimator, _) throws(ModelError) in .regressor(try NeighborsRegressor(estimator, isRadius: false))
        },
        EstimatorClass("RadiusNeighborsRegressor", in: "sklearn.neighbors._regression", "sklearn.neighbors.regression")
        {
            (estimator, _) throws(ModelError) in .regressor(try NeighborsRegressor(estimator, isRadius: true))
        },
        EstimatorClass(
            "NearestCentroid", in: "sklearn.neighbors._nearest_centroid", "sklearn.neighbors.nearest_centroid"
        ) {
            (estimator, _) throws(ModelError) in .classifier(try NearestCentroid(estimator))
        },
    ]
}

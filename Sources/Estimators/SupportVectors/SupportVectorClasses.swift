extension EstimatorClass {
    /// Support vector machines with kernels. The linear ones are linear models.
    static let supportVectors = [
        EstimatorClass("SVC", in: "sklearn.svm._classes") { (estimator, _) throws(ModelError) in
            .classifier(try SupportVectorClassifier(estimator))
        },
        EstimatorClass("NuSVC", in: "sklearn.svm._classes") { (estimator, _) throws(ModelError) in
            .classifier(try SupportVectorClassifier(estimator))
        },
        EstimatorClass("SVR", in: "sklearn.svm._classes") { (estimator, _) throws(ModelError) in
            .regressor(try SupportVectorRegressor(estimator))
        },
        EstimatorClass("NuSVR", in: "sklearn.svm._classes") { (estimator, _) throws(ModelError) in
            .regressor(try SupportVectorRegressor(estimator))
        },
        EstimatorClass("OneClassSVM", in: "sklearn.svm._classes") { (estimator, _) throws(ModelError) in
            .classifier(try OneClassSVM(estimator))
        },
    ]
}

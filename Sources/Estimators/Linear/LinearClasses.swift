import Pickle

extension EstimatorClass {
    /// Linear models, and what is told apart by normal distributions.
    static let linear =
        [
            EstimatorClass("LogisticRegression", in: "sklearn.linear_model._logistic", "sklearn.linear_model.logistic")
            {
                (estimator, _) throws(ModelError) in try LogisticRegression.read(estimator)
            },
            EstimatorClass(
                "LogisticRegressionCV", in: "sklearn.linear_model._logistic", "sklearn.linear_model.logistic"
            ) {
                (estimator, _) throws(ModelError) in try LogisticRegression.read(estimator)
            },
            EstimatorClass(
                "SGDClassifier", in: "sklearn.linear_model._stochastic_gradient",
                "sklearn.linear_model.stochastic_gradient"
            ) {
                (estimator, _) throws(ModelError) in try SGDClassifier.read(estimator)
            },
            EstimatorClass("SGDOneClassSVM", in: "sklearn.linear_model._stochastic_gradient") {
                (estimator, _) throws(ModelError) in .classifier(try SGDOneClassSVM(estimator))
            },
            EstimatorClass("LinearDiscriminantAnalysis", in: "sklearn.discriminant_analysis") {
                (estimator, _) throws(ModelError) in
                let isBinary = try estimator.classes().count == 2
                return .classifier(try LinearClassifier(estimator, link: isBinary ? .logistic : .softmax))
            },
            EstimatorClass("QuadraticDiscriminantAnalysis", in: "sklearn.discriminant_analysis") {
                (estimator, _) throws(ModelError) in .classifier(try QuadraticDiscriminantAnalysis(estimator))
            },
        ]
        + linearClassifiers + ridgeClassifiers + linearRegressors + generalizedRegressors

    /// Classifiers that know no probabilities.
    private static let linearClassifiers = [
        ("LinearSVC", "sklearn.svm._classes", "sklearn.svm.classes"),
        ("Perceptron", "sklearn.linear_model._perceptron", "sklearn.linear_model.perceptron"),
        (
            "PassiveAggressiveClassifier", "sklearn.linear_model._passive_aggressive",
            "sklearn.linear_model.passive_aggressive"
        ),
    ].map { name, module, oldModule in
        EstimatorClass(name, in: module, oldModule) { (estimator, _) throws(ModelError) in
            .classifier(try LinearClassifier(estimator, link: .none))
        }
    }

    private static let ridgeClassifiers = ["RidgeClassifier", "RidgeClassifierCV"].map { name in
        EstimatorClass(name, in: "sklearn.linear_model._ridge") { (estimator, _) throws(ModelError) in
            try RidgeClassifier.read(estimator)
        }
    }

    private static let linearRegressors =
        [
            ("LinearRegression", "base"), ("Ridge", "ridge"), ("RidgeCV", "ridge"),
            ("Lasso", "coordinate_descent"), ("LassoCV", "coordinate_descent"),
            ("ElasticNet", "coordinate_descent"), ("ElasticNetCV", "coordinate_descent"),
            ("MultiTaskLasso", "coordinate_descent"), ("MultiTaskLassoCV", "coordinate_descent"),
            ("MultiTaskElasticNet", "coordinate_descent"), ("MultiTaskElasticNetCV", "coordinate_descent"),
            ("Lars", "least_angle"), ("LarsCV", "least_angle"), ("LassoLars", "least_angle"),
            ("LassoLarsCV", "least_angle"), ("LassoLarsIC", "least_angle"),
            ("OrthogonalMatchingPursuit", "omp"), ("OrthogonalMatchingPursuitCV", "omp"),
            ("BayesianRidge", "bayes"), ("ARDRegression", "bayes"),
            ("HuberRegressor", "huber"), ("TheilSenRegressor", "theil_sen"), ("QuantileRegressor", "quantile"),
            ("SGDRegressor", "stochastic_gradient"), ("PassiveAggressiveRegressor", "passive_aggressive"),
        ].map { name, module in
            EstimatorClass(name, in: "sklearn.linear_model._\(module)", "sklearn.linear_model.\(module)") {
                (estimator, _) throws(ModelError) in .regressor(try LinearRegressor(estimator))
            }
        } + [
            EstimatorClass("LinearSVR", in: "sklearn.svm._classes", "sklearn.svm.classes") {
                (estimator, _) throws(ModelError) in .regressor(try LinearRegressor(estimator))
            }
        ]

    private static let generalizedRegressors = ["PoissonRegressor", "GammaRegressor", "TweedieRegressor"].map { name in
        EstimatorClass(name, in: "sklearn.linear_model._glm.glm") { (estimator, _) throws(ModelError) in
            .regressor(try LinearRegressor.generalized(estimator))
        }
    }

    /// What linear models consist of.
    static let linearParts: Set<PythonName> = [RidgeClassifier.binarizerName]
}

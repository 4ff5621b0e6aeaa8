extension EstimatorClass {
    /// Multilayer perceptrons.
    static let neuralNetworks = [
        EstimatorClass(
            "MLPClassifier", in: "sklearn.neural_network._multilayer_perceptron",
            "sklearn.neural_network.multilayer_perceptron"
        ) {
            (estimator, _) throws(ModelError) in .classifier(try MLPClassifier(estimator))
        },
        EstimatorClass(
            "MLPRegressor", in: "sklearn.neural_network._multilayer_perceptron",
            "sklearn.neural_network.multilayer_perceptron"
        ) {
            (estimator, _) throws(ModelError) in .regressor(try MLPRegressor(estimator))
        },
    ]
}

import Pickle

/// scikit-learn's `MLPRegressor`.
///
/// Source: scikit-learn, `sklearn/neural_network/_multilayer_perceptron.py`, `MLPRegressor`.
struct MLPRegressor: Regressor {
    private let network: MultilayerPerceptron

    init(_ estimator: PickledEstimator) throws(ModelError) {
        network = try MultilayerPerceptron(estimator, last: ["identity", "exp"])
    }

    var features: Features { network.features }
    /// A single output is a number, even if the model was fitted with lists of one.
    var target: RegressionTarget { network.outputCount == 1 ? .number : .numbers(network.outputCount) }
    var nanosecondsPerRow: Int { network.nanosecondsPerRow }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        network(try table.matrix(for: features), stride: network.outputCount)
    }
}

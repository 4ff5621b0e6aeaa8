import Pickle

/// scikit-learn's `SGDClassifier`, which knows probabilities with some losses alone.
///
/// Source: scikit-learn, `sklearn/linear_model/_stochastic_gradient.py`, `SGDClassifier.predict_proba`.
enum SGDClassifier {
    static func read(_ estimator: PickledEstimator) throws(ModelError) -> Estimator {
        let link: LinearClassifier.Link
        switch try estimator.word("loss", of: losses) {
        // `log` was its name before scikit-learn 1.1.
        case "log_loss", "log": link = .logistic
        case "modified_huber": link = .clipped
        default: link = .none
        }
        return .classifier(try LinearClassifier(estimator, link: link))
    }

    private static let losses: Set<String> = [
        "hinge", "squared_hinge", "perceptron", "log_loss", "log", "modified_huber", "squared_error", "squared_loss",
        "huber", "epsilon_insensitive", "squared_epsilon_insensitive",
    ]
}

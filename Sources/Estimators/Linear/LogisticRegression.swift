import Pickle

/// scikit-learn's `LogisticRegression` and `LogisticRegressionCV`, binary and multinomial.
enum LogisticRegression {
    static func read(_ estimator: PickledEstimator) throws(ModelError) -> Estimator {
        .classifier(try LinearClassifier(estimator, link: link(of: estimator)))
    }

    /// Follows `predict_proba` of the version that wrote the model. scikit-learn 1.8 removed the attribute
    /// `multi_class`; since then more than two classes are always multinomial.
    private static func link(of estimator: PickledEstimator) throws(ModelError) -> LinearClassifier.Link {
        let isBinary = try estimator.classes().count == 2
        switch estimator.optional("multi_class") {
        case nil:
            return isBinary ? .logistic : .softmax
        case .string("auto"), .string("deprecated"):
            if isBinary { return .logistic }
            switch estimator.optional("solver") {
            case .string("liblinear"): return .logistic
            // It has been multinomial since scikit-learn 1.6.
            case .string("newton-cholesky"): return isOlder(estimator, than: 6) ? .logistic : .softmax
            default: return .softmax
            }
        case .string("ovr"), .string("warn"):
            return .logistic
        case .string("multinomial"):
            return .softmax
        case .some(let value):
            throw estimator.unusable("multi_class", value, expected: "'auto', 'ovr', 'multinomial' or 'deprecated'")
        }
    }

    /// Whether the model was written by scikit-learn before 1.`minor`.
    private static func isOlder(_ estimator: PickledEstimator, than minor: Int) -> Bool {
        guard case .string(let version)? = estimator.optional("_sklearn_version") else { return false }
        let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? .max }
        return numbers.count == 2 && (numbers[0] < 1 || numbers[0] == 1 && numbers[1] < minor)
    }
}

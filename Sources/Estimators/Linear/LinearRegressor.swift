import Glibc
import Pickle

/// A regressor whose predictions are linear in the features, or the exponential of that.
///
/// Sources: scikit-learn, `sklearn/linear_model/_base.py`, `LinearModel`; `_glm/glm.py`.
struct LinearRegressor: Regressor {
    /// How a linear sum becomes a prediction.
    enum Link: Sendable {
        case identity
        /// The logarithm of the prediction is linear.
        case logarithm
    }

    let features: Features
    let target: RegressionTarget

    private let sums: LinearMap
    private let link: Link

    init(_ estimator: PickledEstimator, link: Link = .identity) throws(ModelError) {
        self.link = link
        let (shape, coefficients) = try estimator.numbers("coef_")
        guard (1...2).contains(shape.count), shape.allSatisfy({ $0 > 0 }) else {
            throw estimator.unusable(
                "coef_", try estimator.required("coef_"), expected: "an array of one or two dimensions")
        }
        target = shape.count == 1 ? .number : .numbers(shape[0])
        features = try estimator.features(count: shape[shape.count - 1], by: "coef_")
        sums = LinearMap(
            weights: coefficients, inputCount: features.count,
            constants: try estimator.constants("intercept_", count: target.count))
    }

    /// `TweedieRegressor`, `PoissonRegressor`, `GammaRegressor`.
    static func generalized(_ estimator: PickledEstimator) throws(ModelError) -> LinearRegressor {
        guard estimator.kind.name == "TweedieRegressor" else {
            return try LinearRegressor(estimator, link: .logarithm)
        }
        switch try estimator.word("link", of: ["auto", "identity", "log"], missing: "auto") {
        case "identity": return try LinearRegressor(estimator, link: .identity)
        case "log": return try LinearRegressor(estimator, link: .logarithm)
        default:
            return try LinearRegressor(
                estimator, link: try estimator.finiteNumber("power") <= 0 ? .identity : .logarithm)
        }
    }

    var nanosecondsPerRow: Int { sums.weightCount / 2 + 2 * sums.outputCount }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        var answer = sums(try table.matrix(for: features))
        switch link {
        case .identity: break
        case .logarithm:
            for place in answer.values.indices { answer.values[place] = exp(answer.values[place]) }
        }
        return answer
    }
}

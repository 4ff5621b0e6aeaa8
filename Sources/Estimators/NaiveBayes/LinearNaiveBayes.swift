import Glibc
import Pickle

/// scikit-learn's `MultinomialNB`, `ComplementNB` and `BernoulliNB`, whose logarithms of likelihoods are linear in the
/// features.
///
/// Source: scikit-learn, `sklearn/naive_bayes.py`, `_joint_log_likelihood` of each.
struct LinearNaiveBayes: Classifier {
    let classes: [ClassLabel]
    let features: Features
    private let likelihoods: LinearMap
    /// Above it, a feature counts as 1, else as 0; nil if features are taken as they are.
    private let threshold: Double?

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        let logarithms = try estimator.matrix("feature_log_prob_")
        guard logarithms.rows == classes.count, logarithms.rows > 0, logarithms.columns > 0 else {
            throw estimator.unusable(
                "feature_log_prob_", try estimator.required("feature_log_prob_"), expected: "\(classes.count) rows")
        }
        features = try estimator.features(count: logarithms.columns, by: "feature_log_prob_")
        var weights = logarithms.values
        var constants = try estimator.logarithms("class_log_prior_", count: classes.count)
        var threshold: Double?
        switch estimator.kind.name {
        case "ComplementNB":
            // Rare classes are what it is made for; it counts how common they are only if there is nothing to compare.
            if classes.count > 1 { constants = Array(repeating: 0, count: classes.count) }
        case "BernoulliNB":
            // What isn't there counts as well.
            for index in classes.indices {
                var sum = 0.0
                for place in index * features.count..<(index + 1) * features.count {
                    let absent = log(1 - exp(logarithms.values[place]))
                    weights[place] -= absent
                    sum += absent
                }
                constants[index] += sum
            }
            if estimator.optional("binarize") != PickledValue.none {
                threshold = try estimator.finiteNumber("binarize")
            }
        default: break
        }
        guard weights.allSatisfy(\.isFinite), constants.allSatisfy({ $0 < .infinity }) else {
            throw estimator.unusable(
                "feature_log_prob_", try estimator.required("feature_log_prob_"),
                expected: "logarithms of probabilities between 0 and 1")
        }
        self.threshold = threshold
        likelihoods = LinearMap(weights: weights, inputCount: features.count, constants: constants)
    }

    let hasProbabilities = true
    var nanosecondsPerRow: Int { likelihoods.weightCount / 2 + features.count + 20 * classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var matrix = try table.matrix(for: features)
        if let threshold {
            for place in matrix.values.indices { matrix.values[place] = matrix.values[place] > threshold ? 1 : 0 }
        }
        var scores = likelihoods(matrix)
        return try scores.classification(probabilities: probabilities, .logarithmOfSum)
    }
}

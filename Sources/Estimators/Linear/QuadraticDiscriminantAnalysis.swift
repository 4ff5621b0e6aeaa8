import Glibc
import Pickle

/// scikit-learn's `QuadraticDiscriminantAnalysis`: a normal distribution for each class.
///
/// Source: scikit-learn, `sklearn/discriminant_analysis.py`, `QuadraticDiscriminantAnalysis._decision_function`.
struct QuadraticDiscriminantAnalysis: Classifier {
    /// One class's distribution, in the directions of its own axes.
    private struct Distribution: Sendable {
        let mean: [Double]
        /// A row's differences from the mean along the axes, in standard deviations.
        let deviations: LinearMap
        /// The sum of the logarithms of the variances.
        let logarithm: Double
        /// The logarithm of the class's probability before anything is known about a row.
        let prior: Double
    }

    let classes: [ClassLabel]
    let features: Features
    private let distributions: [Distribution]

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        let means = try estimator.matrix("means_")
        let priors = try estimator.vector("priors_")
        let rotations = try estimator.arrays("rotations_")
        let scalings = try estimator.arrays("scalings_")
        let count = classes.count
        guard count >= 1, [means.rows, priors.count, rotations.count, scalings.count].allSatisfy({ $0 == count }) else {
            throw estimator.unusable(
                "means_", try estimator.required("means_"), expected: "\(count) means, priors, rotations and scalings")
        }
        features = try estimator.features(count: means.columns, by: "means_")
        var distributions: [Distribution] = []
        for index in 0..<count {
            let (rotation, scaling) = (rotations[index], scalings[index])
            guard scaling.shape.count == 1, rotation.shape == [features.count, scaling.elements.count],
                scaling.elements.allSatisfy({ $0 > 0 }), scaling.elements.count > 0, priors[index] >= 0
            else {
                throw estimator.unusable(
                    "scalings_", try estimator.required("scalings_"), expected: "positive variances along each axis")
            }
            let axisCount = scaling.elements.count
            var weights = rotation.elements
            for place in weights.indices { weights[place] *= pow(scaling.elements[place % axisCount], -0.5) }
            distributions.append(
                Distribution(
                    mean: Array(means.row(index)),
                    deviations: LinearMap(
                        weights: weights, inputCount: features.count,
                        constants: Array(repeating: 0, count: axisCount), isTransposed: true),
                    logarithm: scaling.elements.reduce(0) { $0 + log($1) }, prior: log(priors[index])))
        }
        self.distributions = distributions
    }

    let hasProbabilities = true
    var nanosecondsPerRow: Int {
        distributions.reduce(0) { $0 + $1.deviations.weightCount / 2 + 2 * features.count } + 20 * classes.count
    }

    var decisionCount: Int? { ClassScores.count(for: classes.count) }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix { try likelihoods(table).decisionsOfLikelihoods() }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        var likelihoods = try likelihoods(table)
        return try likelihoods.classification(probabilities: probabilities)
    }

    /// The logarithms of the likelihoods of each row's classes.
    private func likelihoods(_ table: Table) throws(FeatureError) -> Matrix {
        let matrix = try table.matrix(for: features)
        var scores = Matrix(rows: matrix.rows, columns: classes.count)
        for (index, distribution) in distributions.enumerated() {
            var centered = matrix
            for place in centered.values.indices { centered.values[place] -= distribution.mean[place % features.count] }
            let deviations = distribution.deviations(centered)
            for row in 0..<matrix.rows {
                let squares = deviations.row(row).reduce(0) { $0 + $1 * $1 }
                scores[row, index] = -0.5 * (squares + distribution.logarithm) + distribution.prior
            }
        }
        return scores
    }
}

import Glibc
import Pickle

/// scikit-learn's `GaussianNB`: each feature has a normal distribution in each class.
///
/// Source: scikit-learn, `sklearn/naive_bayes.py`, `GaussianNB._joint_log_likelihood`.
struct GaussianNB: Classifier {
    let classes: [ClassLabel]
    let features: Features
    /// A row for each class.
    private let means: Matrix
    private let variances: Matrix
    /// The logarithms of each class's probability before anything is known about a row, and of its distributions'
    /// factor.
    private let priors: [Double]
    private let factors: [Double]

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        means = try estimator.matrix("theta_")
        // It was `sigma_` before scikit-learn 1.0.
        let name = estimator.optional("var_") == nil ? "sigma_" : "var_"
        variances = try estimator.matrix(name)
        let priors = try estimator.vector("class_prior_")
        guard means.rows == classes.count, classes.count > 0, priors.count == classes.count,
            variances.rows == means.rows, variances.columns == means.columns
        else { throw estimator.disagreement(about: "classes_, theta_, \(name) and class_prior_") }
        guard variances.values.allSatisfy({ $0 > 0 }) else {
            throw estimator.unusable(name, try estimator.required(name), expected: "variances above 0")
        }
        guard priors.allSatisfy({ $0 >= 0 }) else {
            throw estimator.unusable(
                "class_prior_", try estimator.required("class_prior_"), expected: "probabilities")
        }
        features = try estimator.features(count: means.columns, by: "theta_")
        self.priors = priors.map { log($0) }
        let variances = variances
        factors = (0..<means.rows).map { row in
            -0.5 * variances.row(row).reduce(0) { $0 + log(2 * .pi * $1) }
        }
    }

    let hasProbabilities = true
    var nanosecondsPerRow: Int { 4 * means.values.count + 20 * classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        let width = features.count
        var likelihoods = Matrix(rows: matrix.rows, columns: classes.count)
        for row in 0..<matrix.rows {
            for index in classes.indices {
                var sum = 0.0
                for column in 0..<width {
                    let difference = matrix.values[row * width + column] - means.values[index * width + column]
                    sum += difference * difference / variances.values[index * width + column]
                }
                likelihoods[row, index] = priors[index] + (factors[index] - 0.5 * sum)
            }
        }
        return try likelihoods.classification(probabilities: probabilities, .logarithmOfSum)
    }
}

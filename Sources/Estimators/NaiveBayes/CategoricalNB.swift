import Pickle

/// scikit-learn's `CategoricalNB`: each feature is the number of a category, counted from 0.
///
/// Source: scikit-learn, `sklearn/naive_bayes.py`, `CategoricalNB`.
struct CategoricalNB: Classifier {
    let classes: [ClassLabel]
    let features: Features
    /// For each feature, a row for each class with the logarithm of each category's probability.
    private let logarithms: [Matrix]
    private let priors: [Double]

    init(_ estimator: PickledEstimator) throws(ModelError) {
        let classes = try estimator.classes()
        let value = try estimator.required("feature_log_prob_")
        guard let items = estimator.document.list(value), items.count > 0, classes.count > 0 else {
            throw estimator.unusable("feature_log_prob_", value, expected: "a list of arrays")
        }
        var logarithms: [Matrix] = []
        for item in items {
            guard case .node(let node) = item, case .array(let array) = estimator.document[node],
                array.shape.count == 2, array.shape[0] == classes.count, array.shape[1] > 0,
                case .floats(let elements) = array.elements, elements.allSatisfy({ $0 < .infinity })
            else {
                throw estimator.unusable(
                    "feature_log_prob_", item, expected: "an array of logarithms for \(classes.count) classes")
            }
            logarithms.append(Matrix(rows: array.shape[0], columns: array.shape[1], values: elements))
        }
        self.classes = classes
        self.logarithms = logarithms
        priors = try estimator.logarithms("class_log_prior_", count: classes.count)
        features = try estimator.features(count: logarithms.count, by: "feature_log_prob_")
    }

    let hasProbabilities = true
    var nanosecondsPerRow: Int { 3 * features.count * classes.count + 20 * classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        var likelihoods = Matrix(rows: matrix.rows, columns: classes.count)
        for row in 0..<matrix.rows {
            for column in 0..<features.count {
                // The library cuts off what is behind the point, so -0.5 is category 0.
                let number = matrix[row, column].rounded(.towardZero)
                guard number >= 0, number < Double(logarithms[column].columns) else {
                    throw .row(
                        row,
                        .unknownCategory(
                            Feature(index: column, name: features.names?[column]),
                            value: matrix[row, column].description))
                }
                for index in classes.indices { likelihoods[row, index] += logarithms[column][index, Int(number)] }
            }
            for index in classes.indices { likelihoods[row, index] += priors[index] }
        }
        return try likelihoods.classification(probabilities: probabilities, .logarithmOfSum)
    }
}

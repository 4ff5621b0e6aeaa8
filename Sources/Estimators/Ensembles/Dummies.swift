import Pickle

/// scikit-learn's `DummyClassifier`: the same answer for every row. Of its strategies, those that draw lots are refused.
///
/// Source: `sklearn/dummy.py`.
struct DummyClassifier: Classifier {
    let classes: [ClassLabel]
    let features: Features
    /// The probability of each class.
    let probabilities: [Double]
    private let classIndex: Int

    init(_ estimator: PickledEstimator) throws(ModelError) {
        let classes = try estimator.classes()
        let priors = try estimator.vector("class_prior_")
        guard !classes.isEmpty, priors.count == classes.count else {
            throw estimator.unusable(
                "class_prior_", try estimator.required("class_prior_"), expected: "\(classes.count) probabilities")
        }
        features = try estimator.dummyFeatures()
        switch try estimator.required("strategy") {
        case .string("prior"):
            classIndex = priors.indexOfMaximum
            probabilities = priors
        case .string("most_frequent"):
            classIndex = priors.indexOfMaximum
            probabilities = classes.indices.map { [classIndex] in $0 == classIndex ? 1 : 0 }
        case .string("constant"):
            let constant = try estimator.required("constant")
            guard let index = classes.firstIndex(where: { $0.isEqual(constant) }) else {
                throw estimator.unusable("constant", constant, expected: "one of the classes")
            }
            classIndex = index
            probabilities = classes.indices.map { $0 == index ? 1 : 0 }
        case let value:
            throw estimator.unusable("strategy", value, expected: "'prior', 'most_frequent' or 'constant'")
        }
        self.classes = classes
    }

    let hasProbabilities = true
    var nanosecondsPerRow: Int { 10 + classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        Classification(
            classIndices: Array(repeating: classIndex, count: table.rows),
            probabilities: Matrix(rows: table.rows, repeating: self.probabilities))
    }
}

/// scikit-learn's `DummyRegressor`: the same numbers for every row.
///
/// Source: `sklearn/dummy.py`.
struct DummyRegressor: Regressor {
    let features: Features
    let target: RegressionTarget
    let numbers: [Double]

    init(_ estimator: PickledEstimator) throws(ModelError) {
        let (shape, elements) = try estimator.numbers("constant_")
        let outputs = try estimator.wholeNumber("n_outputs_", atLeast: 1)
        guard shape == [1, outputs] else {
            throw estimator.unusable(
                "constant_", try estimator.required("constant_"), expected: "one row of \(outputs) numbers")
        }
        features = try estimator.dummyFeatures()
        numbers = elements
        target = outputs == 1 ? .number : .numbers(outputs)
    }

    var nanosecondsPerRow: Int { 10 + numbers.count }

    func predict(_ table: Table) throws(FeatureError) -> Matrix {
        Matrix(rows: table.rows, repeating: numbers)
    }
}

extension PickledEstimator {
    /// Dummies look at no feature and most don't know their number; then they say that it is one, and take any.
    fileprivate func dummyFeatures() throws(ModelError) -> Features {
        let count = optional("n_features_in_") == PickledValue.none ? nil : try featureCount()
        return Features(count: count ?? 1, unusual: .any)
    }
}

extension EstimatorClass {
    /// Whether it answers without looking at the features.
    var isDummy: Bool { name == "DummyClassifier" || name == "DummyRegressor" }
}

extension ClassLabel {
    /// Whether a value is this label.
    func isEqual(_ value: PickledValue) -> Bool {
        switch (self, value) {
        case (.string(let label), .string(let text)): label == text
        case (.boolean(let label), .boolean(let boolean)): label == boolean
        case (.integer(let label), .integer(let integer)): label == integer
        case (.integer(let label), .float(let number)): Double(label) == number
        case (.float(let label), _): value.number == label
        default: false
        }
    }
}

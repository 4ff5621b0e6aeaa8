import Pickle

/// A classifier that decides by linear scores: one for each class, of which the largest wins; or, between two classes,
/// a single one, which is positive for the second.
///
/// Source: scikit-learn, `sklearn/linear_model/_base.py`, `LinearClassifierMixin`.
struct LinearClassifier: Classifier {
    /// How scores become probabilities.
    enum Link: Sendable {
        /// Not at all.
        case none
        /// Two classes with one score between them: its logistic function is the probability of the second.
        /// More: the logistic function of each, normalized to add up to 1.
        case logistic
        /// The softmax of the scores; a single one counts for the second class, and its negative for the first.
        case softmax
        /// Scores from -1 to 1 are mapped to 0 to 1 and those beyond cut off; more than two are normalized.
        case clipped
    }

    let classes: [ClassLabel]
    let features: Features

    private let scores: LinearMap
    private let link: Link

    /// - Parameter classes: the classes, if they aren't in `classes_`.
    init(_ estimator: PickledEstimator, link: Link, classes: [ClassLabel]? = nil) throws(ModelError) {
        if let classes { self.classes = classes } else { self.classes = try estimator.classes() }
        self.link = link
        let (shape, coefficients) = try estimator.numbers("coef_")
        let scoreCount = self.classes.count == 2 ? 1 : self.classes.count
        // Since version 1.6, `RidgeClassifier` writes a single score's coefficients without the dimension of scores.
        guard self.classes.count >= 2, shape.count == 2 || shape.count == 1 && scoreCount == 1,
            shape.dropLast().allSatisfy({ $0 == scoreCount }), let featureCount = shape.last, featureCount > 0
        else {
            throw estimator.unusable(
                "coef_", try estimator.required("coef_"),
                expected: "\(scoreCount) rows for \(self.classes.count) classes")
        }
        features = try estimator.features(count: featureCount, by: "coef_")
        scores = LinearMap(
            weights: coefficients, inputCount: featureCount,
            constants: try estimator.constants("intercept_", count: scoreCount))
    }

    var hasProbabilities: Bool {
        if case .none = link { false } else { true }
    }
    var nanosecondsPerRow: Int { scores.weightCount / 2 + (hasProbabilities ? 20 : 2) * classes.count }

    var decisionCount: Int? { scores.outputCount }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let scores = scores(try table.matrix(for: features))
        try scores.checkDecisions()
        return scores
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        let width = probabilities ? classes.count : scores.outputCount
        var indices = [Int](repeating: 0, count: matrix.rows)
        // The first row whose scores overflow so that they say nothing.
        var undecided: Int?
        let values = unsafe [Double](unsafeUninitializedCapacity: matrix.rows * width) { values, count in
            unsafe matrix.values.withUnsafeBufferPointer { rows in
                unsafe scores.write(rows, into: values, stride: width)
            }
            count = matrix.rows * width
            for row in indices.indices {
                let numbers = unsafe UnsafeMutableBufferPointer(rebasing: values[row * width..<(row + 1) * width])
                if let index = unsafe decision(numbers) {
                    indices[row] = index
                } else if undecided == nil {
                    undecided = row
                }
                if probabilities { unsafe turnToProbabilities(numbers) }
            }
        }
        if let undecided { throw .row(undecided, .overflow) }
        return Classification(
            classIndices: indices,
            probabilities: probabilities ? Matrix(rows: matrix.rows, columns: width, values: values) : nil)
    }

    /// The index of the class with the largest score, of several equal ones the first; nil if a score is NaN.
    private func decision(_ numbers: UnsafeMutableBufferPointer<Double>) -> Int? {
        if scores.outputCount == 1 {
            let score = unsafe numbers[0]
            return score.isNaN ? nil : score > 0 ? 1 : 0
        }
        return unsafe numbers.indexOfMaximum
    }

    private func turnToProbabilities(_ numbers: UnsafeMutableBufferPointer<Double>) {
        if scores.outputCount == 1 {
            let score = unsafe numbers[0]
            switch link {
            case .none: break
            case .logistic:
                let second = score.logistic
                unsafe (numbers[0], numbers[1]) = (1 - second, second)
            case .softmax:
                unsafe (numbers[0], numbers[1]) = (-score, score)
                unsafe numbers.softmax()
            case .clipped:
                let second = score.clipped
                unsafe (numbers[0], numbers[1]) = (1 - second, second)
            }
        } else {
            switch link {
            case .none: break
            case .logistic:
                for index in numbers.indices { unsafe numbers[index] = numbers[index].logistic }
                unsafe numbers.normalize()
            case .softmax:
                unsafe numbers.softmax()
            case .clipped:
                for index in numbers.indices { unsafe numbers[index] = numbers[index].clipped }
                unsafe numbers.normalize()
            }
        }
    }
}

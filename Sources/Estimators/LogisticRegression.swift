import Glibc
import Pickle

/// scikit-learn's `LogisticRegression`, binary and multinomial: a linear score for each class, turned into a
/// probability.
struct LogisticRegression: Sendable {
    /// How scores become probabilities.
    private enum Link: Sendable {
        /// Two classes with one score between them: the logistic function of the score is the probability of the second.
        case logistic
        /// Two classes with one score, fitted as multinomial (`multi_class="multinomial"`, before scikit-learn 1.8): the
        /// softmax of the score and its negative.
        case symmetricSoftmax
        /// One score for each class: their softmax.
        case softmax
        /// One score for each class, fitted one against the rest: the logistic function of each, normalized to add up
        /// to 1.
        case normalizedLogistic
    }

    let classes: [ClassLabel]
    let featureCount: Int

    /// One row of `featureCount` for each score.
    private let coefficients: [Double]
    /// One for each score.
    private let intercepts: [Double]
    private let link: Link

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try Self.classes(of: estimator)
        let (shape, coefficients) = try estimator.numbers("coef_")
        let scoreCount = classes.count == 2 ? 1 : classes.count
        guard classes.count >= 2, shape.count == 2, shape[0] == scoreCount, shape[1] > 0 else {
            throw estimator.unusable(
                "coef_", try estimator.required("coef_"), expected: "\(scoreCount) rows for \(classes.count) classes")
        }
        featureCount = shape[1]
        guard [try estimator.featureCount()].allAgree(on: featureCount) else {
            throw estimator.disagreement(about: "coef_ and n_features_in_")
        }
        self.coefficients = coefficients
        intercepts = try Self.intercepts(of: estimator, count: scoreCount)
        link = try Self.link(of: estimator, classCount: classes.count)
    }

    private static func classes(of estimator: PickledEstimator) throws(ModelError) -> [ClassLabel] {
        let value = try estimator.required("classes_")
        guard case .node(let node) = value, case .array(let array) = estimator.document[node], array.shape.count == 1
        else {
            throw estimator.unusable("classes_", value, expected: "an array of class labels")
        }
        switch array.elements {
        case .booleans(let labels): return labels.map(ClassLabel.boolean)
        case .integers(let labels): return labels.map(ClassLabel.integer)
        case .floats(let labels): return labels.map(ClassLabel.float)
        case .strings(let labels): return labels.map(ClassLabel.string)
        case .objects(let labels):
            var classes: [ClassLabel] = []
            for label in labels {
                switch label {
                case .string(let string): classes.append(.string(string))
                case .integer(let integer): classes.append(.integer(integer))
                case .float(let number): classes.append(.float(number))
                case .boolean(let boolean): classes.append(.boolean(boolean))
                default: throw estimator.unusable("classes_", label, expected: "a string or a number as class label")
                }
            }
            return classes
        }
    }

    /// scikit-learn writes one intercept for each score; a single one, as an array or a number, applies to all.
    private static func intercepts(of estimator: PickledEstimator, count: Int) throws(ModelError) -> [Double] {
        let value = try estimator.required("intercept_")
        if let number = value.number, number.isFinite { return Array(repeating: number, count: count) }
        let intercepts = try estimator.vector("intercept_")
        if intercepts.count == count { return intercepts }
        if intercepts.count == 1 { return Array(repeating: intercepts[0], count: count) }
        throw estimator.unusable("intercept_", value, expected: "an array of \(count) numbers")
    }

    /// Follows `predict_proba` of the version that wrote the model. scikit-learn 1.8 removed the attribute
    /// `multi_class`; since then more than two classes are always multinomial.
    private static func link(of estimator: PickledEstimator, classCount: Int) throws(ModelError) -> Link {
        let isBinary = classCount == 2
        switch estimator.optional("multi_class") {
        case nil:
            return isBinary ? .logistic : .softmax
        case .string("auto"), .string("deprecated"):
            if isBinary { return .logistic }
            return estimator.optional("solver") == .string("liblinear") ? .normalizedLogistic : .softmax
        case .string("ovr"), .string("warn"):
            return isBinary ? .logistic : .normalizedLogistic
        case .string("multinomial"):
            return isBinary ? .symmetricSoftmax : .softmax
        case .some(let value):
            throw estimator.unusable("multi_class", value, expected: "'auto', 'ovr', 'multinomial' or 'deprecated'")
        }
    }

    /// Writes the probability of each class and returns the index of the most probable one; of several equal ones, the
    /// first.
    ///
    /// - Parameters:
    ///   - row: `featureCount` features.
    ///   - probabilities: Room for one number per class. Not all are finite if a score overflows.
    func predict(
        _ row: UnsafeMutableBufferPointer<Double>, into probabilities: inout [Double]
    ) -> Int {
        for score in intercepts.indices {
            var sum = 0.0
            let start = score * featureCount
            for index in 0..<featureCount { unsafe sum += row[index] * coefficients[start + index] }
            probabilities[score] = sum + intercepts[score]
        }
        switch link {
        case .logistic:
            let score = probabilities[0]
            let second = Self.logistic(score)
            (probabilities[0], probabilities[1]) = (1 - second, second)
            // scikit-learn decides by the score too, which is exact even where both probabilities round to one half.
            return score > 0 ? 1 : 0
        case .symmetricSoftmax:
            let score = probabilities[0]
            (probabilities[0], probabilities[1]) = (-score, score)
            Self.softmax(&probabilities)
            return score > 0 ? 1 : 0
        case .softmax:
            let best = Self.indexOfMaximum(probabilities)
            Self.softmax(&probabilities)
            return best
        case .normalizedLogistic:
            let best = Self.indexOfMaximum(probabilities)
            Self.normalizedLogistic(&probabilities)
            return best
        }
    }

    private static func indexOfMaximum(_ numbers: [Double]) -> Int {
        var best = 0
        for index in numbers.indices where numbers[index] > numbers[best] { best = index }
        return best
    }

    private static func logistic(_ score: Double) -> Double {
        1 / (1 + exp(-score))
    }

    /// Subtracting the largest score makes its exponential exp(0), so that nothing overflows.
    private static func softmax(_ scores: inout [Double]) {
        let maximum = scores[indexOfMaximum(scores)]
        var sum = 0.0
        for index in scores.indices {
            scores[index] = exp(scores[index] - maximum)
            sum += scores[index]
        }
        for index in scores.indices { scores[index] /= sum }
    }

    private static func normalizedLogistic(_ scores: inout [Double]) {
        var sum = 0.0
        for index in scores.indices {
            scores[index] = logistic(scores[index])
            sum += scores[index]
        }
        // All probabilities can round to 0; then all classes are equally probable.
        if sum == 0 {
            for index in scores.indices { scores[index] = 1 / Double(scores.count) }
        } else {
            for index in scores.indices { scores[index] /= sum }
        }
    }
}

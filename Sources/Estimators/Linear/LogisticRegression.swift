import Glibc
import Pickle

/// scikit-learn's `LogisticRegression`, binary and multinomial: a linear score for each class, turned into a
/// probability.
struct LogisticRegression: Classifier {
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
    let features: Features

    /// One row of `featureCount` for each score.
    private let coefficients: [Double]
    /// One for each score.
    private let intercepts: [Double]
    private let link: Link

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        let (shape, coefficients) = try estimator.numbers("coef_")
        let scoreCount = classes.count == 2 ? 1 : classes.count
        guard classes.count >= 2, shape.count == 2, shape[0] == scoreCount, shape[1] > 0 else {
            throw estimator.unusable(
                "coef_", try estimator.required("coef_"), expected: "\(scoreCount) rows for \(classes.count) classes")
        }
        features = try estimator.features(count: shape[1], by: "coef_")
        self.coefficients = coefficients
        intercepts = try Self.intercepts(of: estimator, count: scoreCount)
        link = try Self.link(of: estimator, classCount: classes.count)
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

    let hasProbabilities = true
    var nanosecondsPerRow: Int { coefficients.count + 20 * classes.count }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        var answer = Matrix(rows: matrix.rows, columns: classes.count)
        var indices: [Int] = []
        indices.reserveCapacity(matrix.rows)
        for row in 0..<matrix.rows {
            let width = classes.count
            indices.append(
                unsafe answer.values.withUnsafeMutableBufferPointer { answers in
                    unsafe matrix.values.withUnsafeBufferPointer { rows in
                        unsafe predict(
                            UnsafeBufferPointer(rebasing: rows[row * matrix.columns..<(row + 1) * matrix.columns]),
                            into: UnsafeMutableBufferPointer(rebasing: answers[row * width..<(row + 1) * width]))
                    }
                })
        }
        return Classification(classIndices: indices, probabilities: answer)
    }

    /// Writes the probability of each class and returns the index of the most probable one; of several equal ones, the
    /// first.
    ///
    /// - Parameters:
    ///   - row: as many numbers as there are features.
    ///   - probabilities: Room for one number per class. Not all are finite if a score overflows.
    private func predict(
        _ row: UnsafeBufferPointer<Double>, into probabilities: UnsafeMutableBufferPointer<Double>
    ) -> Int {
        for score in intercepts.indices {
            var sum = 0.0
            let start = score * features.count
            for index in 0..<features.count { unsafe sum += row[index] * coefficients[start + index] }
            unsafe probabilities[score] = sum + intercepts[score]
        }
        switch link {
        case .logistic:
            let score = unsafe probabilities[0]
            let second = Self.logistic(score)
            unsafe (probabilities[0], probabilities[1]) = (1 - second, second)
            // scikit-learn decides by the score too, which is exact even where both probabilities round to one half.
            return score > 0 ? 1 : 0
        case .symmetricSoftmax:
            let score = unsafe probabilities[0]
            unsafe (probabilities[0], probabilities[1]) = (-score, score)
            unsafe Self.softmax(probabilities)
            return score > 0 ? 1 : 0
        case .softmax:
            let best = unsafe Self.indexOfMaximum(probabilities)
            unsafe Self.softmax(probabilities)
            return best
        case .normalizedLogistic:
            let best = unsafe Self.indexOfMaximum(probabilities)
            unsafe Self.normalizedLogistic(probabilities)
            return best
        }
    }

    private static func indexOfMaximum(_ numbers: UnsafeMutableBufferPointer<Double>) -> Int {
        var best = 0
        for index in numbers.indices where unsafe numbers[index] > numbers[best] { best = index }
        return best
    }

    private static func logistic(_ score: Double) -> Double {
        1 / (1 + exp(-score))
    }

    /// Subtracting the largest score makes its exponential exp(0), so that nothing overflows.
    private static func softmax(_ scores: UnsafeMutableBufferPointer<Double>) {
        let maximum = unsafe scores[indexOfMaximum(scores)]
        var sum = 0.0
        for index in scores.indices {
            unsafe scores[index] = exp(scores[index] - maximum)
            unsafe sum += scores[index]
        }
        for index in scores.indices { unsafe scores[index] /= sum }
    }

    private static func normalizedLogistic(_ scores: UnsafeMutableBufferPointer<Double>) {
        var sum = 0.0
        for index in scores.indices {
            unsafe scores[index] = logistic(scores[index])
            unsafe sum += scores[index]
        }
        // All probabilities can round to 0; then all classes are equally probable.
        if sum == 0 {
            for index in scores.indices { unsafe scores[index] = 1 / Double(scores.count) }
        } else {
            for index in scores.indices { unsafe scores[index] /= sum }
        }
    }
}

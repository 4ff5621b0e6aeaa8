import Glibc

/// How a boosted classifier's scores become probabilities and a class: one score for two classes, else one for each.
struct ClassScores: Sendable {
    /// How scores become probabilities.
    enum Link: Sendable {
        /// One score: the logistic function of it, or of twice it for exponential loss, is the probability of the second
        /// class.
        case logistic(factor: Double)
        /// The exponentials of the scores less their largest, divided by their sum.
        case softmax
        /// The exponentials of the scores less the logarithm of their sum: what came before `softmax`.
        case normalized
    }

    /// What the class is decided by.
    enum Decision: Sendable {
        /// The largest probability.
        case probability
        /// The largest score; of one score, whether it is at least 0.
        case scoreFromZero
        /// The largest score; of one score, whether it is above 0.
        case scoreAboveZero
    }

    let link: Link
    let decision: Decision

    /// The number of scores for a number of classes.
    static func count(for classes: Int) -> Int { classes == 2 ? 1 : classes }

    /// Makes probabilities of one row's scores, and finds its class.
    ///
    /// - Parameters:
    ///   - scores: one for two classes, else one for each class.
    ///   - probabilities: room for one number per class; may be where the scores are.
    func classify(
        _ scores: UnsafePointer<Double>, into probabilities: UnsafeMutablePointer<Double>, classes: Int
    ) -> Int {
        var best = 0
        switch link {
        case .logistic(let factor):
            let score = unsafe scores[0]
            let second = 1 / (1 + exp(-(factor * score)))
            unsafe (probabilities[0], probabilities[1]) = (1 - second, second)
            switch decision {
            case .probability: return second > 1 - second ? 1 : 0
            case .scoreFromZero: return score >= 0 ? 1 : 0
            case .scoreAboveZero: return score > 0 ? 1 : 0
            }
        case .softmax, .normalized:
            for index in 1..<classes where unsafe scores[index] > scores[best] { best = index }
            let largest = unsafe scores[best]
            var sum = 0.0
            if case .softmax = link {
                for index in 0..<classes {
                    let exponential = unsafe exp(scores[index] - largest)
                    unsafe probabilities[index] = exponential
                    sum += exponential
                }
                for index in 0..<classes { unsafe probabilities[index] /= sum }
            } else {
                for index in 0..<classes { unsafe sum += exp(scores[index] - largest) }
                let logarithm = log(sum) + largest
                for index in 0..<classes { unsafe probabilities[index] = exp(scores[index] - logarithm) }
            }
        }
        if case .probability = decision {
            best = 0
            for index in 1..<classes where unsafe probabilities[index] > probabilities[best] { best = index }
        }
        return best
    }

    /// Classifies rows by their scores.
    func classify(_ scores: Matrix, classes: Int) -> (classIndices: [Int], probabilities: Matrix) {
        var answer = Matrix(rows: scores.rows, columns: classes)
        var indices: [Int] = []
        indices.reserveCapacity(scores.rows)
        unsafe scores.values.withUnsafeBufferPointer { scoreValues in
            unsafe answer.values.withUnsafeMutableBufferPointer { answers in
                // There is a row with a score, and as many places as scores and classes say.
                guard let from = scoreValues.baseAddress, let into = answers.baseAddress else { return }
                for row in 0..<scores.rows {
                    unsafe indices.append(
                        classify(from + row * scores.columns, into: into + row * classes, classes: classes))
                }
            }
        }
        return (indices, answer)
    }
}

extension Matrix {
    /// - Throws: `FeatureError` for the first row that has NaN among its decisions: the arithmetic overflowed on the way.
    func checkDecisions() throws(FeatureError) {
        guard let place = values.firstIndex(where: \.isNaN) else { return }
        throw .row(place / columns, .overflow)
    }

    /// The decisions that follow from the logarithms of the classes' likelihoods: of two, their difference.
    ///
    /// Source: scikit-learn, `sklearn/discriminant_analysis.py`, `DiscriminantAnalysisPredictionMixin.decision_function`.
    func decisionsOfLikelihoods() throws(FeatureError) -> Matrix {
        var decisions = self
        if columns == 2 {
            decisions = Matrix(rows: rows, columns: 1, values: (0..<rows).map { self[$0, 1] - self[$0, 0] })
        }
        try decisions.checkDecisions()
        return decisions
    }

    /// How logarithms of likelihoods become probabilities. Both are the same but for rounding, which shows if the
    /// logarithms are large.
    enum Normalization {
        case softmax
        /// e^(score - log of the sum of e^score), as naive Bayes does it.
        case logarithmOfSum
    }

    /// Turns the logarithms of the classes' likelihoods, which each row holds, into a classifier's answer.
    ///
    /// - Throws: `FeatureError` for a row whose scores overflow so that they say nothing.
    mutating func classification(
        probabilities: Bool, _ normalization: Normalization = .softmax
    ) throws(FeatureError) -> Classification {
        let (rows, columns) = (rows, columns)
        var indices = [Int](repeating: 0, count: rows)
        var undecided: Int?
        unsafe values.withUnsafeMutableBufferPointer { values in
            for row in 0..<rows {
                let scores = unsafe UnsafeMutableBufferPointer(rebasing: values[row * columns..<(row + 1) * columns])
                // If every score is infinite, nothing can be said either.
                if let index = unsafe scores.indexOfMaximum, unsafe scores[index].isFinite {
                    indices[row] = index
                } else if undecided == nil {
                    undecided = row
                }
                guard probabilities else { continue }
                switch normalization {
                case .softmax: unsafe scores.softmax()
                case .logarithmOfSum: unsafe scores.normalizeByLogarithm()
                }
            }
        }
        if let undecided { throw .row(undecided, .overflow) }
        return Classification(classIndices: indices, probabilities: probabilities ? self : nil)
    }
}

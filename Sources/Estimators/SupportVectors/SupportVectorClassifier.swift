import Pickle

/// scikit-learn's `SVC` and `NuSVC`: each pair of classes has a decision of its own, and the class that wins most of
/// them is the answer.
///
/// Sources: libsvm as scikit-learn has it, `sklearn/svm/src/libsvm/svm.cpp`, `svm_predict_values`;
/// `sklearn/svm/_base.py`, `BaseSVC`; `sklearn/utils/multiclass.py`, `_ovr_decision_function`.
struct SupportVectorClassifier: Classifier {
    /// What decides if several classes win equally many pairs.
    private enum TieBreak: Sendable {
        /// Their order.
        case order
        /// How clearly they win (`break_ties`).
        case confidence
    }

    let classes: [ClassLabel]

    private let vectors: SupportVectors
    /// The support vectors of each class, which follow one another.
    private let ranges: [Range<Int>]
    /// `classes.count - 1` rows of one coefficient for each vector. In the decision between its own class and another,
    /// a vector has the coefficient in the row of the other; the rows leave out the own class.
    private let coefficients: [Double]
    /// One for each pair of classes: 0 and 1, 0 and 2, …, 1 and 2, …
    private let intercepts: [Double]
    private let tieBreak: TieBreak
    /// Whether `decision_function` gives a number for each class of more than two, and not for each pair of them.
    private let decidesByClass: Bool
    private let calibration: PairwiseCalibration?

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        vectors = try SupportVectors(estimator)
        let classCount = classes.count
        guard classCount >= 2 else {
            throw estimator.unusable("classes_", try estimator.required("classes_"), expected: "two classes or more")
        }
        coefficients = try vectors.coefficients(of: estimator, rows: classCount - 1)
        ranges = try Self.ranges(of: estimator, classCount: classCount, total: vectors.count)
        intercepts = try estimator.vector("_intercept_")
        // Every class beyond the second has a row of coefficients, so the product can't overflow.
        let pairCount = classCount * (classCount - 1) / 2
        guard intercepts.count == pairCount else {
            throw estimator.unusable(
                "_intercept_", try estimator.required("_intercept_"), expected: "an array of \(pairCount) numbers")
        }
        let shape = try estimator.word("decision_function_shape", of: ["ovr", "ovo"])
        decidesByClass = shape == "ovr" && classCount > 2
        if try estimator.boolean("break_ties", missing: false), classCount > 2 {
            guard decidesByClass else {
                throw estimator.unusable(
                    "decision_function_shape", .string(shape), expected: "'ovr', since ties are to be broken")
            }
            tieBreak = .confidence
        } else {
            tieBreak = .order
        }
        calibration = try PairwiseCalibration.read(estimator, classCount: classCount)
    }

    private static func ranges(
        of estimator: PickledEstimator, classCount: Int, total: Int
    ) throws(ModelError) -> [Range<Int>] {
        let (shape, counts) = try estimator.integers("_n_support")
        var ranges: [Range<Int>] = []
        var start = 0
        for count in counts where (0...total - start).contains(count) {
            ranges.append(start..<start + count)
            start += count
        }
        guard shape.count == 1, ranges.count == classCount, counts.count == classCount, start == total else {
            throw estimator.unusable(
                "_n_support", try estimator.required("_n_support"),
                expected: "\(classCount) numbers that add up to \(total)")
        }
        return ranges
    }

    var features: Features { vectors.features }
    var hasProbabilities: Bool { calibration != nil }
    var nanosecondsPerRow: Int {
        vectors.nanosecondsPerRow + coefficients.count + (hasProbabilities ? 60 : 3) * classes.count * classes.count
    }

    var decisionCount: Int? { decidesByClass ? classes.count : intercepts.count }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let matrix = try table.matrix(for: features)
        var answer = Matrix(rows: matrix.rows, columns: decidesByClass ? classes.count : intercepts.count)
        forEachRow(of: matrix) { row, scratch in
            let pairs = scratch.decisions
            // Of two classes, the library gives the decision for the second.
            let decisions = decidesByClass ? scores(&scratch) : classes.count == 2 ? [-pairs[0]] : pairs
            for (column, decision) in decisions.enumerated() { answer[row, column] = decision }
        }
        try answer.checkDecisions()
        return answer
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        var answer = Matrix(rows: probabilities ? matrix.rows : 0, columns: classes.count)
        var indices = [Int](repeating: 0, count: matrix.rows)
        var undecided: Int?
        forEachRow(of: matrix) { row, scratch in
            if undecided == nil, scratch.decisions.contains(where: \.isNaN) { undecided = row }
            indices[row] = winner(&scratch)
            if probabilities { calibration?.write(&scratch, into: &answer, row: row) }
        }
        if let undecided { throw .row(undecided, .overflow) }
        return Classification(classIndices: indices, probabilities: probabilities ? answer : nil)
    }

    /// Makes the decisions of each row's pairs of classes, one row after the other.
    private func forEachRow(of matrix: Matrix, _ body: (_ row: Int, _ scratch: inout PairwiseScratch) -> Void) {
        var scratch = PairwiseScratch(classCount: classes.count, vectorCount: vectors.count)
        for row in 0..<matrix.rows {
            unsafe matrix.values.withUnsafeBufferPointer { rows in
                unsafe decide(
                    UnsafeBufferPointer(rebasing: rows[row * matrix.columns..<(row + 1) * matrix.columns]), &scratch)
            }
            body(row, &scratch)
        }
    }

    /// Makes the decision of each pair of classes: positive for the first.
    private func decide(_ row: UnsafeBufferPointer<Double>, _ scratch: inout PairwiseScratch) {
        unsafe scratch.similarities.withUnsafeMutableBufferPointer { unsafe vectors.write(row, into: $0) }
        var pair = 0
        for first in classes.indices {
            for second in first + 1..<classes.count {
                var sum = 0.0
                // Rows leave out the vector's own class: the second is in row second - 1 for vectors of the first.
                let firstStart = (second - 1) * vectors.count
                for index in ranges[first] { sum += coefficients[firstStart + index] * scratch.similarities[index] }
                let secondStart = first * vectors.count
                for index in ranges[second] { sum += coefficients[secondStart + index] * scratch.similarities[index] }
                scratch.decisions[pair] = sum + intercepts[pair]
                pair += 1
            }
        }
    }

    private func winner(_ scratch: inout PairwiseScratch) -> Int {
        if tieBreak == .confidence { return scores(&scratch)[...].indexOfMaximum }
        for index in classes.indices { scratch.votes[index] = 0 }
        var pair = 0
        for first in classes.indices {
            for second in first + 1..<classes.count {
                scratch.votes[scratch.decisions[pair] > 0 ? first : second] += 1
                pair += 1
            }
        }
        return scratch.votes[...].indexOfMaximum
    }

    /// One number for each class, made of the decisions between pairs, which the library turns around first.
    private func scores(_ scratch: inout PairwiseScratch) -> [Double] {
        let decisions = scratch.decisions
        PairwiseVotes.count(classes.count, votes: &scratch.votes, confidences: &scratch.confidences) { pair in
            (decisions[pair] < 0, -decisions[pair])
        }
        return scratch.votes
    }
}

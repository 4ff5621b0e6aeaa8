import Glibc
import Pickle

/// scikit-learn's `NearestCentroid`: the class whose mean is nearest.
///
/// Source: scikit-learn, `sklearn/neighbors/_nearest_centroid.py`.
struct NearestCentroid: Classifier {
    /// What scikit-learn computes since version 1.6, besides the nearest mean.
    private struct Scores: Sendable {
        /// What each feature is divided by.
        let deviations: [Double]
        /// The means, with their features divided.
        let centroids: TrainingRows
        /// Twice the logarithm of each class's probability before anything is known about a row.
        let priors: [Double]
    }

    let classes: [ClassLabel]
    let features: Features
    private let centroids: TrainingRows
    private let scores: Scores?
    /// Whether the scores decide, too, since the classes are not equally probable before.
    private let scoresDecide: Bool
    let hasProbabilities: Bool

    init(_ estimator: PickledEstimator) throws(ModelError) {
        classes = try estimator.classes()
        let isEuclidean = try estimator.word("metric", of: ["euclidean", "manhattan"]) == "euclidean"
        let metric: Metric = isEuclidean ? .euclidean : .manhattan
        let means = try estimator.matrix("centroids_")
        guard means.rows == classes.count, means.rows > 0, means.columns > 0 else {
            throw estimator.unusable(
                "centroids_", try estimator.required("centroids_"), expected: "\(classes.count) rows")
        }
        features = try estimator.features(count: means.columns, by: "centroids_")
        centroids = TrainingRows(means, metric: metric)
        guard estimator.optional("class_prior_") != nil else {
            (scores, scoresDecide, hasProbabilities) = (nil, false, false)
            return
        }
        let priors = try estimator.vector("class_prior_")
        let deviations = try estimator.vector("within_class_std_dev_")
        guard priors.count == classes.count, deviations.count == features.count,
            priors.allSatisfy({ $0 >= 0 }), deviations.allSatisfy({ $0 >= 0 })
        else { throw estimator.disagreement(about: "centroids_, class_prior_ and within_class_std_dev_") }
        let divisors = deviations.map { $0 == 0 ? 1 : $0 }
        var scaled = means
        for place in scaled.values.indices { scaled.values[place] /= divisors[place % features.count] }
        scores = Scores(
            deviations: divisors, centroids: TrainingRows(scaled, metric: metric), priors: priors.map { 2 * log($0) })
        // `numpy.isclose`.
        let equal = 1 / Double(classes.count)
        scoresDecide = !priors.allSatisfy { abs($0 - equal) <= 1e-8 + 1e-5 * equal }
        hasProbabilities = isEuclidean
    }

    var nanosecondsPerRow: Int { 3 * centroids.nanosecondsPerRow + 30 * classes.count }

    /// The library has it since scikit-learn 1.6 and for the Euclidean distance, as it has probabilities.
    var decisionCount: Int? { hasProbabilities ? ClassScores.count(for: classes.count) : nil }

    func decisions(_ table: Table) throws(FeatureError) -> Matrix {
        let matrix = try table.matrix(for: features)
        guard let scores else { preconditionFailure("There are scores if there are decisions.") }
        return try likelihoods(of: matrix, scores).decisionsOfLikelihoods()
    }

    /// Twice the logarithms of the likelihoods of each row's classes.
    private func likelihoods(of matrix: Matrix, _ scores: Scores) -> Matrix {
        var scaled = matrix
        for place in scaled.values.indices { scaled.values[place] /= scores.deviations[place % features.count] }
        var likelihoods = reducedDistances(of: scaled, from: scores.centroids)
        for place in likelihoods.values.indices {
            // The Euclidean distance is a square already.
            let distance = likelihoods.values[place]
            let square = centroids.metric == .euclidean ? distance : distance * distance
            likelihoods.values[place] = scores.priors[place % classes.count] - square
        }
        return likelihoods
    }

    func classify(_ table: Table, probabilities: Bool) throws(FeatureError) -> Classification {
        let matrix = try table.matrix(for: features)
        guard let scores, scoresDecide || probabilities else {
            var distances = reducedDistances(of: matrix, from: centroids)
            for place in distances.values.indices { distances.values[place].negate() }
            return try distances.classification(probabilities: false)
        }
        var likelihoods = likelihoods(of: matrix, scores)
        var answer = try likelihoods.classification(probabilities: probabilities)
        if !scoresDecide {
            var distances = reducedDistances(of: matrix, from: centroids)
            for place in distances.values.indices { distances.values[place].negate() }
            answer.classIndices = try distances.classification(probabilities: false).classIndices
        }
        return answer
    }

    private func reducedDistances(of matrix: Matrix, from centroids: TrainingRows) -> Matrix {
        var distances = Matrix(rows: matrix.rows, columns: classes.count)
        unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: centroids.stride) { room in
            for row in 0..<matrix.rows {
                unsafe centroids.write(matrix.row(row), into: room)
                for index in classes.indices { distances[row, index] = unsafe room[index] }
            }
        }
        return distances
    }
}

/// Room for what is computed on the way to one row's class, used again for the next.
struct PairwiseScratch {
    var similarities: [Double]
    var decisions: [Double]
    var votes: [Double]
    var confidences: [Double]
    /// Three matrices of a row and a column for each class, and three vectors, for the probabilities.
    var coupling: [Double] = []

    init(classCount: Int, vectorCount: Int) {
        similarities = [Double](repeating: 0, count: vectorCount)
        decisions = [Double](repeating: 0, count: classCount * (classCount - 1) / 2)
        votes = [Double](repeating: 0, count: classCount)
        confidences = votes
    }
}

/// What scikit-learn makes of the decisions between pairs of classes: the number of pairs that a class wins, and less than
/// one half more or less by how clearly it wins them.
///
/// Source: `sklearn/utils/multiclass.py`, `_ovr_decision_function`.
enum PairwiseVotes {
    /// - Parameters:
    ///   - classes: their number.
    ///   - votes: room for one number for each class, which becomes the result.
    ///   - confidences: room for as many.
    ///   - decide: whether the second class of a pair wins, and by how much. The pairs are 0 and 1, 0 and 2, …, 1 and 2, …
    static func count(
        _ classes: Int, votes: inout [Double], confidences: inout [Double],
        _ decide: (_ pair: Int) -> (secondWins: Bool, confidence: Double)
    ) {
        for index in 0..<classes { (votes[index], confidences[index]) = (0, 0) }
        var pair = 0
        for first in 0..<classes {
            for second in first + 1..<classes {
                let (secondWins, confidence) = decide(pair)
                votes[secondWins ? second : first] += 1
                confidences[first] -= confidence
                confidences[second] += confidence
                pair += 1
            }
        }
        for index in 0..<classes {
            let confidence = confidences[index]
            votes[index] += confidence / (3 * (abs(confidence) + 1))
        }
    }
}

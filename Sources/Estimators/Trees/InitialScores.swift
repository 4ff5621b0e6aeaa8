import Glibc

/// The scores that stand for the probabilities of a first guess.
///
/// Source: `sklearn/ensemble/_gb_losses.py`, `get_init_raw_predictions`, until 1.3; then `_gb.py`,
/// `_init_raw_predictions`, and `sklearn/_loss/link.py`.
struct InitialScores: Sendable {
    enum Link: Sendable {
        case logit(factor: Double)
        case logarithm
        /// The logarithm of the share of the geometric mean.
        case symmetricLogarithm
    }

    let link: Link
    /// How near 0 and 1 probabilities may be.
    let margin: Double

    func scores(of probabilities: ArraySlice<Double>) -> [Double] {
        let clipped = probabilities.map { min(max($0, margin), 1 - margin) }
        switch link {
        case .logit(let factor):
            return [factor * log(clipped[1] / (1 - clipped[1]))]
        case .logarithm:
            return clipped.map { log($0) }
        case .symmetricLogarithm:
            let mean = exp(clipped.reduce(0) { $0 + log($1) } / Double(clipped.count))
            return clipped.map { log($0 / mean) }
        }
    }
}

/// Decides whether a path is noise: whether it differs between two answers of the active color as often as between the colors
/// (the idea of Twitter's Diffy).
///
/// A path is noise if it has differed in at least two comparisons of the active color with itself, and nothing shows that it
/// differs more often, or by more, between the colors. What shows it: the share of comparisons in which it differs is larger
/// between the colors, as far as confidence sequences for both shares tell; or so is the share of those in which it differs by
/// more than 0.01, 0.1, 1, 10 or 100 % of the value. So
///
/// - a path that never differs between two answers of the active color is never noise;
/// - a path that differs by nature alone is taken for a difference with a probability of at most `error`, however often one looks
///   and however long it goes on, once it has differed twice;
/// - a path that is worse than noise stops being noise as soon as the numbers show it: with a tenth of the calls repeated, one
///   that differs in all calls instead of a tenth after about 190 calls, in half of them after 550, in a fifth after 5,700.
///
/// The shares are compared as those of independent calls. Bursts that make answers differ strike the colors and the repeated calls
/// alike, as they are made at the same time.
package struct NoiseRule: Sendable {
    /// The probability that one path that is noise is ever taken for a difference.
    package let error: Double
    /// The comparisons of the active color with itself in which a path must have differed.
    package static let least = 2

    private let shares: ConfidenceSequence

    package init(error: Double = 0.001) {
        self.error = error
        // The errors of two bounds for each of the shares that are looked at add up.
        shares = ConfidenceSequence(error: error / Double(2 * (1 + PathTally.thresholds.count)))
    }

    /// Whether a path is noise.
    ///
    /// - Parameters:
    ///   - colors: how often it differed between the colors.
    ///   - compared: in how many comparisons.
    ///   - repeats: how often it differed between two answers of the active color.
    ///   - repeated: in how many comparisons.
    package func isNoise(colors: PathTally, of compared: Int, repeats: PathTally, of repeated: Int) -> Bool {
        guard repeats.calls >= Self.least else { return false }
        if isMore(colors.calls, of: compared, than: repeats.calls, of: repeated) { return false }
        return !zip(colors.farther, repeats.farther).contains { isMore($0, of: compared, than: $1, of: repeated) }
    }

    private func isMore(_ left: Int, of leftTrials: Int, than right: Int, of rightTrials: Int) -> Bool {
        // Without a larger share there is nothing to prove; the products are those of the shares' fractions.
        guard Double(left) * Double(rightTrials) > Double(right) * Double(leftTrials) else { return false }
        return shares.lower(left, of: leftTrials) > shares.upper(right, of: rightTrials)
    }
}

import Glibc

/// The test for shares: does a unit (a call, a key's trial) fail more often on the new side than on the old one, by
/// more than a margin?
///
/// Every unit falls to the new side with a known probability, and multiplies the evidence by q*/q° if it fails there,
/// by (1-q*)/(1-q°) if it succeeds there, and on the old side by p*/p° or (1-p*)/(1-p°). (p*, q*) is an alternative,
/// fixed beforehand, and (p°, q°) the pair of shares with q <= p + margin that is nearest to it in relative entropy.
/// For every pair that is no worse than the margin the factor's mean is at most 1, whatever p is and however it moves
/// from unit to unit, so the product is a test supermartingale: Turner, Ly and Grünwald, "Generic E-variables for exact
/// sequential k-sample tests that allow for optional stopping" (arXiv 2106.02693), the theorem for convex null
/// hypotheses, with the assignment drawn rather than in blocks. The README has the proof in a few lines.
///
/// Nobody knows how bad the new side is, so the average of many alternatives is taken, which is a supermartingale as
/// well.
package struct ShareMixture: Sendable {
    /// Shares of failures on the old side that an alternative may have, with their prior weights. Most services fail
    /// rarely, and a coarse row is enough: the evidence is rounded off, not wrong, between two of them.
    private static let oldShares = [(0.0004, 0.5), (0.004, 0.2), (0.03, 0.12), (0.12, 0.1), (0.35, 0.08)]
    /// Shares of failures on the new side, each combined with the old ones from which it differs enough.
    private static let newShares = [(0.012, 1.0), (0.025, 1.0), (0.06, 1.2), (0.16, 1.2), (0.5, 1.0), (0.97, 1.0)]

    /// An alternative: the logarithm of its weight, and of each factor.
    fileprivate struct Row {
        let prior: Double
        let newFailure: Double
        let newSuccess: Double
        let oldFailure: Double
        let oldSuccess: Double
    }

    private let margin: Double
    /// The weights add up to at most 1.
    private let rows: [Row]

    /// - Parameters:
    ///   - share: the probability that a unit falls to the new side, above 0 and below 1.
    ///   - margin: by how much the new share may exceed the old one, 0 or more.
    package init(share: Double, margin: Double) {
        self.margin = margin
        rows = Self.oldShares.flatMap { p, weight in
            // The same alternatives for every share, so that evidence gathered under two shares can be multiplied.
            let news = Self.newShares.filter { $0.0 >= 1.3 * (p + margin) }
            let whole = news.reduce(0) { $0 + $1.1 }
            return news.map { q, part in
                let p0 = Self.nearest(to: (p, q), share: share, margin: margin)
                let q0 = p0 + margin
                return Row(
                    prior: log(weight * part / whole), newFailure: log(q / q0), newSuccess: log((1 - q) / (1 - q0)),
                    oldFailure: log(p / p0), oldSuccess: log((1 - p) / (1 - p0)))
            }
        }
    }

    /// The p of the pair (p, p + margin) with the least relative entropy, weighted by the sides' shares, to an
    /// alternative.
    private static func nearest(to alternative: (p: Double, q: Double), share: Double, margin: Double) -> Double {
        var (low, high) = (0.0, 1 - margin)
        // The derivative grows with p: halving finds its root.
        for _ in 0..<60 {
            let p = (low + high) / 2
            let q = p + margin
            let slope =
                share * ((1 - alternative.q) / (1 - q) - alternative.q / q)
                + (1 - share) * ((1 - alternative.p) / (1 - p) - alternative.p / p)
            if slope < 0 { low = p } else { high = p }
        }
        return (low + high) / 2
    }

    /// Units that were gathered under one probability.
    package struct Part {
        let mixture: ShareMixture
        let tally: ShareTally
        /// How many old units came with each new one: 0 where each unit fell to its side by itself.
        let oldForEachNew: Double

        package init(mixture: ShareMixture, tally: ShareTally, oldForEachNew: Double = 0) {
            self.mixture = mixture
            self.tally = tally
            self.oldForEachNew = oldForEachNew
        }
    }

    /// The logarithm of the evidence of units that each fell to its side by itself; -infinity without any.
    ///
    /// A side's units may be fewer than its probability says for reasons of their own: calls that take longer are still
    /// under way. That would be evidence, too, as if the others' successes were told against it. So what is found has
    /// to hold as well where the sides are taken as they came, with their shares of these units for the probability.
    /// The smaller of two values is no larger than the one that is a supermartingale.
    ///
    /// - Parameter leavingOutOne: whether the most that a single key can have given is taken away.
    package func evidence(of tally: ShareTally, leavingOutOne: Bool = false) -> Double {
        guard !tally.isEmpty else { return -.infinity }
        let drawn = Self.evidence(of: [Part(mixture: self, tally: tally)], leavingOutOne: leavingOutOne)
        guard drawn > 0 else { return drawn }
        let (new, old) = (tally.newFailures + tally.newSuccesses, tally.oldFailures + tally.oldSuccesses)
        guard new > 0, old > 0 else { return 0 }
        let came = ShareMixture(share: new / (new + old), margin: margin)
        return min(drawn, Self.evidence(of: [Part(mixture: came, tally: tally)], leavingOutOne: leavingOutOne))
    }

    /// The logarithm of the evidence of units gathered under one or more probabilities, with one margin.
    ///
    /// - Parameter leavingOutOne: whether the most that a single key can have given is taken away.
    package static func evidence(of parts: [Part], leavingOutOne: Bool = false) -> Double {
        guard let first = parts.first?.mixture else { return 0 }
        var evidence = first.rows.map(\.prior)
        var strongest = [Double](repeating: 0, count: first.rows.count)
        for part in parts {
            for (index, row) in part.mixture.rows.enumerated() {
                evidence[index] += row.logarithm(part.tally)
                strongest[index] = max(strongest[index], row.most(oldForEachNew: part.oldForEachNew))
            }
        }
        var sum = LogSum()
        for (evidence, strongest) in zip(evidence, strongest) {
            sum.add(leavingOutOne ? evidence - strongest : evidence)
        }
        return sum.value
    }
}

extension ShareMixture.Row {
    fileprivate func logarithm(_ tally: ShareTally) -> Double {
        tally.newFailures * newFailure + tally.newSuccesses * newSuccess + tally.oldFailures * oldFailure
            + tally.oldSuccesses * oldSuccess
    }

    /// The most that one key can multiply the evidence by.
    fileprivate func most(oldForEachNew count: Double) -> Double {
        count > 0 ? newFailure + count * oldSuccess : max(newFailure, oldSuccess)
    }
}

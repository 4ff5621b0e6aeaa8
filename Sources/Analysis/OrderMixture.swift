import Glibc

/// The test for latencies: are the new side's stochastically larger than the old side's times the margin, somewhere?
///
/// Let v be a new call's bucket, moved down by the margin's steps, and u an old call's. If the new side is no worse, v
/// lies above any bucket no more often than u. A call multiplies the evidence by f(v) = r(v) / (s r(v) + 1 - s) on the
/// new side and by g(u) = 1 / (s r(u) + 1 - s) on the old one, where s is the probability of the new side and r a
/// function that doesn't fall. Since s f + (1 - s) g = 1 in every bucket, and f doesn't fall, the factor's mean is at
/// most 1 whatever the distributions are and however they move, and r may be any guess: the better it fits the ratio of
/// the two densities, the faster the evidence grows. This is the argument of `ShareMixture`, margin 0, for every
/// bucket's bound at once. Guesses are:
/// - exponential in the bucket, the exact ratio for a lognormal latency that is multiplied;
/// - a step at one bucket, for a tail that has grown while the rest has stayed.
package struct OrderMixture: Sendable {
    /// Slopes of the logarithm of the ratio, for each factor of 1.25, with their weights, and the factors of 1.25 from
    /// one center to the next: the gentler the slope, the less it matters where its center is. Where latencies are
    /// lognormal, a slope is best for a factor (beyond the margin) whose logarithm is 4.5 slopes times the variance.
    private static let slopes = [(0.04, 0.12, 8), (0.11, 0.32, 4), (0.4, 0.32, 2), (1.0, 0.08, 2)]
    /// Shares of the old side's and the new side's calls beyond a step, with their weights.
    private static let tails = [(0.01, 0.06, 0.06), (0.04, 0.15, 0.06), (0.15, 0.4, 0.04)]

    private let buckets: Int
    private let marginSteps: Int
    /// Buckets of a factor of 1.25.
    private let quarter: Int
    private let guesses: [Guess]
    /// r in all buckets, a row for each guess.
    private let ratios: [Double]
    /// The logarithms of r and of s r + 1 - s, likewise.
    private let logarithms: [Double]
    private let means: [Double]

    private struct Guess {
        /// The bucket at which it has its center: it says nothing about calls that all lie on one side of it.
        let center: Int
        /// The logarithm of its weight; the weights add up to 1.
        let prior: Double
    }

    /// - Parameters:
    ///   - share: the probability that a unit falls to the new side, above 0 and below 1.
    ///   - marginSteps: the buckets that the margin spans.
    package init(share: Double, marginSteps: Int, buckets: LatencyBuckets) {
        let quarter = buckets.stepsPerQuarter
        var (guesses, ratios): ([Guess], [Double]) = ([], [])
        func add(weight: Double, every factors: Int, _ ratio: (_ bucket: Int, _ center: Int) -> Double) {
            let centers = Array(stride(from: quarter, to: buckets.count, by: factors * quarter))
            for center in centers {
                guesses.append(Guess(center: center, prior: log(weight / Double(centers.count))))
                ratios += (0..<buckets.count).map { ratio($0, center) }
            }
        }
        for (slope, weight, factors) in Self.slopes {
            // Bounded, so that one call can't say more than any finite number of others can take back.
            add(weight: weight, every: factors) { bucket, center in
                exp(min(9, max(-9, slope / Double(quarter) * (Double(bucket - center) + 0.5))))
            }
        }
        for (p, q, weight) in Self.tails {
            add(weight: weight, every: 2) { bucket, center in bucket < center ? (1 - q) / (1 - p) : q / p }
        }
        self.buckets = buckets.count
        self.marginSteps = marginSteps
        self.quarter = quarter
        (self.guesses, self.ratios) = (guesses, ratios)
        logarithms = ratios.map { log($0) }
        means = ratios.map { log(share * $0 + 1 - share) }
    }

    /// Latencies that were gathered under one probability.
    package struct Part {
        let mixture: OrderMixture
        let tally: OrderTally
        /// How many old units came with each new one: 0 where each unit fell to its side by itself.
        let oldForEachNew: Double

        package init(mixture: OrderMixture, tally: OrderTally, oldForEachNew: Double = 0) {
            self.mixture = mixture
            self.tally = tally
            self.oldForEachNew = oldForEachNew
        }
    }

    /// The logarithm of the evidence of latencies that each fell to its side by itself; -infinity without any. As for
    /// shares (`ShareMixture.evidence`), it has to hold where the sides are taken as they came, too.
    ///
    /// - Parameter leavingOutOne: whether the most that a single key can have given is taken away.
    package func evidence(of tally: OrderTally, leavingOutOne: Bool = false) -> Double {
        guard !tally.isEmpty else { return -.infinity }
        let parts = [Part(mixture: self, tally: tally)]
        let drawn = Self.evidence(of: parts, leavingOutOne: leavingOutOne)
        guard drawn > 0 else { return drawn }
        let (new, old) = (tally.new.reduce(0, +), tally.old.reduce(0, +))
        guard new > 0, old > 0 else { return 0 }
        return min(drawn, Self.evidence(of: parts, share: new / (new + old), leavingOutOne: leavingOutOne))
    }

    /// The logarithm of the evidence of latencies gathered under one or more probabilities, with one margin.
    ///
    /// - Parameters:
    ///   - share: the probability of the new side, if it isn't each mixture's.
    ///   - leavingOutOne: whether the most that a single key can have given is taken away.
    package static func evidence(of parts: [Part], share: Double? = nil, leavingOutOne: Bool = false) -> Double {
        guard let first = parts.first?.mixture else { return 0 }
        let cells = parts.map { $0.mixture.cells(of: $0.tally) }
        guard let low = cells.compactMap({ $0.first?.bucket }).min(),
            let high = cells.compactMap({ $0.last?.bucket }).max()
        else { return 0 }
        let reach = 4 * first.quarter
        // A guess centered where no call lies has next to no evidence: leaving it out makes the average smaller, never
        // larger, and saves most of the work.
        let near = first.guesses.indices.filter { (low - reach...high + reach).contains(first.guesses[$0].center) }
        var evidence = near.map { first.guesses[$0].prior }
        var strongest = [Double](repeating: 0, count: near.count)
        for (part, cells) in zip(parts, cells) {
            part.mixture.add(cells, of: near, share, to: &evidence)
            if leavingOutOne { part.mixture.raise(&strongest, of: near, part.oldForEachNew, share) }
        }
        var sum = LogSum()
        for (evidence, strongest) in zip(evidence, strongest) { sum.add(evidence - strongest) }
        return sum.value
    }

    /// What lies in a bucket, the new side's moved down by the margin.
    private struct Cell {
        let bucket: Int
        var new = 0.0
        var both = 0.0
    }

    /// The buckets of a tally that aren't empty, in order.
    private func cells(of tally: OrderTally) -> [Cell] {
        var cells = (0..<buckets).map { Cell(bucket: $0) }
        for (bucket, calls) in tally.new.enumerated() where calls > 0 {
            let moved = min(buckets - 1, max(0, bucket - marginSteps))
            cells[moved].new += calls
            cells[moved].both += calls
        }
        for (bucket, calls) in tally.old.enumerated() where calls > 0 { cells[min(buckets - 1, bucket)].both += calls }
        return cells.filter { $0.both > 0 }
    }

    /// Multiplies the evidence of some guesses, given as logarithms, by that of a tally.
    private func add(_ cells: [Cell], of guesses: [Int], _ share: Double?, to evidence: inout [Double]) {
        for (index, guess) in guesses.enumerated() {
            var sum = 0.0
            for cell in cells {
                let place = guess * buckets + cell.bucket
                sum += cell.new * logarithms[place] - cell.both * mean(place, share)
            }
            evidence[index] += sum
        }
    }

    private func mean(_ place: Int, _ share: Double?) -> Double {
        guard let share else { return means[place] }
        return log(share * ratios[place] + 1 - share)
    }

    /// Raises, for some guesses, the most that one key can multiply the evidence by: a new one in the last bucket, an
    /// old one in the first.
    private func raise(_ strongest: inout [Double], of guesses: [Int], _ oldForEachNew: Double, _ share: Double?) {
        for (index, guess) in guesses.enumerated() {
            let (first, last) = (guess * buckets, (guess + 1) * buckets - 1)
            let (new, old) = (logarithms[last] - mean(last, share), -mean(first, share))
            strongest[index] = max(strongest[index], oldForEachNew > 0 ? new + oldForEachNew * old : max(new, old))
        }
    }
}

import Glibc

/// The tests of new calls against a bank of earlier ones, whose number is fixed when the first new one comes.
///
/// Each new call is matched with `ratio` earlier ones that no other has been matched with, as if one call in `ratio` +
/// 1 were drawn for the new side, and all matchings count equally: their geometric mean, which needs no more than the
/// bank's shares, is never above their mean. It lasts for a bank's size / `ratio` new calls. Small ratios last longer,
/// large ones use what a large bank knows sooner, so there are three.
///
/// Where the new calls keep the bank's rate (or one no worse than the margin), the evidence at any moment has a mean of
/// at most 2: given the bank, each new call multiplies it by a factor g on average, so its mean is at most 1 where g <=
/// 1, and else at most that at the bank's end, which is at most 1 over all banks. So it is divided by 2, and is an
/// e-process.
struct PastComparison: Sendable {
    private static let ratios = [(ratio: 19, part: 0.6), (ratio: 4, part: 0.25), (ratio: 1, part: 0.15)]

    private let banks: [(ratio: Int, part: Double, lot: LotComparison)]

    init(plan: GuardPlan) {
        banks = Self.ratios.map { ratio, part in
            (ratio, part, LotComparison(share: 1 / Double(1 + ratio), plan: plan))
        }
    }

    /// The logarithm of the evidence; -infinity where there are too few earlier calls for it.
    ///
    /// - Parameter underWay: new calls that haven't ended, and count as good until they do. The evidence of the calls in the
    ///   order in which they began is never below this, whenever each of them ends.
    func evidence(_ signal: Signal, new: SideCounts, underWay: Int = 0, past: SideCounts) -> Double {
        var sum = LogSum()
        for (ratio, part, lot) in banks {
            let value: Double
            if let news = signal.latencies(of: new), let pasts = signal.latencies(of: past) {
                let (count, size) = (news.total, pasts.total)
                guard count > 0, count * ratio <= size else { continue }
                var tally = OrderTally()
                tally.add(.new, news)
                tally.add(.old, pasts, weight: Double(count * ratio) / Double(size))
                value = OrderMixture.evidence(of: [OrderMixture.Part(mixture: lot.latencies, tally: tally)])
            } else {
                var new = new
                new.calls += underWay
                guard new.calls > 0, new.calls * ratio <= past.calls else { continue }
                var tally = ShareTally()
                tally.add(.new, new)
                tally.add(.old, past, weight: Double(new.calls * ratio) / Double(past.calls))
                value = ShareMixture.evidence(of: [ShareMixture.Part(mixture: lot.failures, tally: tally)])
            }
            sum.add(log(part) + value)
        }
        return sum.value - log(2)
    }
}

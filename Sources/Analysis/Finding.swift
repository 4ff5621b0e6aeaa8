import Glibc

/// The strongest evidence against the new color for one method and signal.
package struct Finding: Sendable, Codable, Equatable {
    package let signal: Signal
    package let method: String
    package let basis: Basis
    /// What both sides had when it was found: all calls of the stage that were compared.
    package let new: SideCounts
    package let old: SideCounts
    /// For `Signal.minAgreement`.
    package let agreement: AgreementCounts
    /// For evidence by key: how many keys of each side have been judged, else 0.
    package let newKeys: Int
    package let oldKeys: Int
    /// The natural logarithm of the e-value: how many times likelier the counts are if the new color is worse by more
    /// than the margin than if it isn't, at the most favourable reading for it.
    package let evidence: Double
    /// What `evidence` has to reach: the logarithm of 1 / (this test's part of the error budget).
    package let needed: Double
    /// The release's error budget, for `probability`.
    package let errorBudget: Double

    /// The times of both sides that the signal judges; nil for one that judges none, or for a side without any.
    package var newTimes: LatencyCounts? { times(of: new) }
    package var oldTimes: LatencyCounts? { times(of: old) }

    private func times(of side: SideCounts) -> LatencyCounts? {
        let times = signal == .maxP99 ? side.limitedTimes : signal.latencies(of: side)
        return times.flatMap { $0.total > 0 ? $0 : nil }
    }

    package var isBreach: Bool { evidence >= needed }

    /// A bound on the probability that any test of a release of equal colors would ever find as much as this one has. 0
    /// to 1; it may be read at any time, however often one looks.
    package var probability: Double { min(1, errorBudget * exp(needed - evidence)) }
}

/// The comparison of failures and latencies under one probability of the new side.
struct LotComparison: Sendable {
    let failures: ShareMixture
    let latencies: OrderMixture

    init(share: Double, plan: GuardPlan) {
        failures = ShareMixture(share: share, margin: plan.errorMargin)
        latencies = OrderMixture(
            share: share, marginSteps: plan.buckets.steps(in: plan.latencyMargin), buckets: plan.buckets)
    }

    /// The logarithm of the evidence of calls, each of which fell to its side by itself; -infinity without any.
    func evidence(_ signal: Signal, new: SideCounts, old: SideCounts) -> Double {
        guard let newLatencies = signal.latencies(of: new), let oldLatencies = signal.latencies(of: old) else {
            var tally = ShareTally()
            tally.add(.new, new)
            tally.add(.old, old)
            return failures.evidence(of: tally)
        }
        var tally = OrderTally()
        tally.add(.new, newLatencies)
        tally.add(.old, oldLatencies)
        return latencies.evidence(of: tally)
    }
}

extension Signal {
    /// The signals that compare both sides.
    static let compared: [Signal] = [.failures, .firstByte, .duration]

    /// The latencies of a side that a signal judges; nil for one that judges none.
    func latencies(of side: SideCounts) -> LatencyCounts? {
        switch self {
        case .firstByte: side.firstByte
        case .duration: side.duration
        case .failures, .maxErrorShare, .maxP99, .minAgreement: nil
        }
    }
}

extension ShareTally {
    /// Enters calls of a side, each with a weight.
    mutating func add(_ side: Side, _ counts: SideCounts, weight: Double = 1) {
        guard counts.calls > 0 else { return }
        add(side, failing: Double(counts.failures) / Double(counts.calls), weight: weight * Double(counts.calls))
    }
}

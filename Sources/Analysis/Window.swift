/// A stretch of a stage that is judged by itself, from some moment on to the stage's end.
///
/// A color that goes bad after ten thousand good calls has these to its credit. So a new window begins every 512 calls
/// of the new color, each with a part of the error budget of its own, and some of them are kept (`MethodGuard`).
package struct Window: Sendable, Codable, Equatable {
    /// Calls of the new color after which another window begins.
    package static let length = 512

    /// 0 for the window that began with the stage; n for the one that began after n times `length` calls.
    let index: Int
    /// What both sides had as it began.
    private let new: SideCounts
    private let old: SideCounts
    private let newWithoutKey: SideCounts
    private let oldWithoutKey: SideCounts
    private(set) var trials: KeyTrials

    init(index: Int, from counts: MethodCounts, comparisons: StageComparisons) {
        self.index = index
        let isFirst = index == 0
        new = isFirst ? SideCounts() : counts.new
        old = isFirst ? SideCounts() : counts.old
        newWithoutKey = isFirst ? SideCounts() : counts.newWithoutKey
        oldWithoutKey = isFirst ? SideCounts() : counts.oldWithoutKey
        trials = KeyTrials(draws: comparisons.keys.draws.count, keys: isFirst ? nil : counts.keys)
    }

    /// Takes in the counts of a look, and gives the evidence of each test.
    mutating func look(_ counts: MethodCounts, comparisons: StageComparisons) -> [Evidence] {
        let new = counts.new - self.new
        var found: [Evidence] = []
        switch comparisons.assignment {
        case .sameTime(_, .byCall):
            found = calls(new: new, old: counts.old - old, part: 1, comparisons)
        case .before(.byCall):
            for signal in Signal.compared {
                let evidence = comparisons.past.evidence(
                    signal, new: new, underWay: counts.newUnderWay, past: counts.old)
                found.append(Evidence(signal: signal, basis: .callsBefore, logarithm: evidence, part: 1))
            }
        case .sameTime(_, .byKey):
            trials.update(counts.keys, comparison: comparisons.keys, slow: comparisons.slowBucket)
            found = keys(counts, basis: .keysAtTheSameTime, control: counts.old, comparisons)
            found += calls(
                new: counts.newWithoutKey - newWithoutKey, old: counts.oldWithoutKey - oldWithoutKey,
                part: KeyPart.withoutKey, comparisons)
        case .before(.byKey):
            trials.update(counts.keys, comparison: comparisons.keys, slow: comparisons.slowBucket)
            found = keys(counts, basis: .keysBefore, control: nil, comparisons)
            // Calls without a key are compared as if all were drawn by lot.
            for signal in Signal.compared {
                let evidence = comparisons.past.evidence(
                    signal, new: counts.newWithoutKey - newWithoutKey, underWay: counts.newUnderWay,
                    past: counts.oldWithoutKey)
                found.append(
                    Evidence(signal: signal, basis: .callsBefore, logarithm: evidence, part: KeyPart.withoutKey))
            }
        case .shadow:
            break
        }
        return found + limits(counts, new: new, comparisons)
    }

    /// The parts of the budget where keys are the unit.
    private enum KeyPart {
        static let trials = 0.6
        static let ownPast = 0.25
        static let withoutKey = 0.15
    }

    private func calls(new: SideCounts, old: SideCounts, part: Double, _ comparisons: StageComparisons) -> [Evidence] {
        guard let lot = comparisons.lot, new.calls + old.calls > 0 else { return [] }
        return Signal.compared.map { signal in
            Evidence(
                signal: signal, basis: .callsAtTheSameTime, logarithm: lot.evidence(signal, new: new, old: old),
                part: part)
        }
    }

    private func keys(
        _ counts: MethodCounts, basis: Basis, control: SideCounts?, _ comparisons: StageComparisons
    ) -> [Evidence] {
        let isFew = counts.hasFewKeys
        var found: [Evidence] = []
        for signal in Signal.compared {
            let lengths = trials.evidence(signal, comparison: comparisons.keys, leavingOutOne: !isFew)
            for evidence in lengths {
                found.append(
                    Evidence(
                        signal: signal, basis: basis, logarithm: evidence, part: KeyPart.trials / Double(lengths.count),
                        newKeys: trials.newKeys, oldKeys: trials.oldKeys))
            }
            guard isFew else { continue }
            let own = OwnPastComparison(past: comparisons.past)
            if let evidence = own.evidence(signal, keys: counts.keys.map(trials.sinceBeginning), control: control) {
                found.append(
                    Evidence(
                        signal: signal, basis: .ownPast, logarithm: evidence,
                        part: KeyPart.ownPast / Double(OwnPastComparison.mostKeys), newKeys: trials.newKeys,
                        oldKeys: trials.oldKeys))
            }
        }
        return found
    }

    private func limits(_ counts: MethodCounts, new: SideCounts, _ comparisons: StageComparisons) -> [Evidence] {
        var found: [Evidence] = []
        func add(_ signal: Signal, _ mixture: LimitMixture, broken: Double, kept: Double, leavingOutOne: Bool = false) {
            guard broken + kept > 0 else { return }
            let evidence = mixture.evidence(broken: broken, kept: kept, leavingOutOne: leavingOutOne)
            found.append(Evidence(signal: signal, basis: .limit, logarithm: evidence, part: 1))
        }
        // Many keys: each counts once. Otherwise a single one that calls often would decide.
        let isByKey = !counts.keys.isEmpty && !counts.hasFewKeys
        if let limit = comparisons.errorLimit {
            if isByKey {
                let tally = trials.errorShare
                add(
                    .maxErrorShare, limit, broken: tally.newFailures, kept: tally.newSuccesses, leavingOutOne: true)
            } else {
                add(
                    .maxErrorShare, limit, broken: Double(new.failures),
                    kept: Double(new.calls - new.failures + counts.newUnderWay))
            }
        }
        if let limit = comparisons.slowLimit, let bucket = comparisons.slowBucket {
            if isByKey {
                let tally = trials.slowShare
                add(.maxP99, limit, broken: tally.newFailures, kept: tally.newSuccesses, leavingOutOne: true)
            } else {
                let latencies = new.limitedTimes
                let slow = latencies.total(from: bucket)
                add(.maxP99, limit, broken: Double(slow), kept: Double(latencies.total - slow))
            }
        }
        if let limit = comparisons.disagreementLimit, index == 0 {
            let (compared, disagreeing) = (counts.agreement.compared, counts.agreement.disagreeing)
            add(.minAgreement, limit, broken: Double(disagreeing), kept: Double(compared - disagreeing))
        }
        return found
    }
}

extension MethodCounts {
    /// Whether no more keys are known, of this stage or its past, than may decide alone.
    fileprivate var hasFewKeys: Bool { !hasMoreKeys && keys.count <= OwnPastComparison.mostKeys }
}

import Analysis
import Comparison
import DataPlane

/// Judges the new color of a release by the calls of its step: `Analysis` fed with what the workers have counted.
///
/// The evidence of a step is this process's own: after a restart, or in a process that has taken over, the step is judged
/// anew, with a part of the error budget of its own.
struct ReleaseJudge {
    private var analysis: ReleaseGuard
    /// The epoch of the step that is judged.
    private var epoch: UInt64?
    private let draw: Draw

    /// - Parameter stages: how many steps, or parts of steps, have been judged before.
    init(_ plan: ReleasePlan, stages: Int, stickyKey: StickyKey) {
        analysis = ReleaseGuard(plan: GuardPlan(plan))
        draw = stickyKey == .none ? .byCall : .byKey
        for _ in 0..<stages { analysis.begin(.shadow) }
    }

    /// Whether a step is judged: where all calls go to the new color there is nothing to compare them with.
    static func judges(_ share: Share) -> Bool { share > .none && share < .all }

    /// Takes a look.
    ///
    /// - Returns: whether this is the first look at a step, and the breach if there is one.
    mutating func look(
        _ statistics: StepStatistics, _ release: Release, epoch: UInt64
    ) -> (isNewStage: Bool, breach: Release.Breach?) {
        if let step = release.currentStep, step.isShadow { return look(atCopiesOf: release, epoch: epoch) }
        guard Self.judges(release.share) else { return (false, nil) }
        let isNewStage = self.epoch != epoch
        if isNewStage {
            self.epoch = epoch
            analysis.begin(.sameTime(share: release.share.fraction, draw))
        }
        guard statistics.epoch == epoch else { return (isNewStage, nil) }
        let methods = statistics.methods.map { MethodCounts($0, $1, new: release.plan.to, draw) }
        guard case .breach(let finding) = analysis.look(methods) else { return (isNewStage, nil) }
        return (isNewStage, Release.Breach(finding))
    }
}

extension ReleaseJudge {
    /// What stands for the methods in evidence that concerns them all.
    static let allMethods = "all methods"

    /// Looks at a shadow step.
    private mutating func look(
        atCopiesOf release: Release, epoch: UInt64
    ) -> (isNewStage: Bool, breach: Release.Breach?) {
        let isNewStage = self.epoch != epoch
        if isNewStage {
            self.epoch = epoch
            analysis.begin(.shadow)
        }
        guard let agreement = release.records.last?.comparisons?.agreement() else { return (isNewStage, nil) }
        var counts = MethodCounts(method: Self.allMethods)
        counts.agreement = AgreementCounts(
            compared: agreement.compared, disagreeing: agreement.compared - agreement.agreeing)
        guard case .breach(let finding) = analysis.look([counts]) else { return (isNewStage, nil) }
        return (isNewStage, Release.Breach(finding))
    }
}

extension GuardPlan {
    fileprivate init(_ plan: ReleasePlan) {
        self.init()
        errorMargin = plan.errorMargin
        latencyMargin = plan.latencyMargin
        maxErrorShare = plan.maxErrorShare
        maxP99 = plan.maxP99
        minAgreement = plan.minAgreement
        stages = max(1, plan.steps.count)
    }
}

extension MethodCounts {
    fileprivate init(_ method: String, _ seen: StepStatistics.Method, new: Color, _ draw: Draw) {
        // UNIMPLEMENTED is a fault where somebody has got an answer.
        let isKnown = seen.colors[new.other].succeeded > 0
        self.init(
            method: method, new: SideCounts(seen.colors[new], isKnown), old: SideCounts(seen.colors[new.other], isKnown)
        )
        guard draw == .byKey else { return }
        keys = seen.keys.map { key, value in
            KeyCounts(key: key, side: value.color == new ? .new : .old, counts: SideCounts(value.outcome, isKnown))
        }
        hasMoreKeys = seen.hasMoreKeys
        newWithoutKey = SideCounts(seen.withoutKey[new], isKnown)
        oldWithoutKey = SideCounts(seen.withoutKey[new.other], isKnown)
    }
}

extension SideCounts {
    fileprivate init(_ outcome: StepStatistics.Outcome, _ isKnown: Bool) {
        self.init(
            calls: outcome.calls, failures: outcome.failures + (isKnown ? outcome.unimplemented : 0),
            firstByte: LatencyCounts(outcome.firstByte))
    }
}

extension Release.Breach {
    init(_ finding: Finding) {
        let isOfAnswers = finding.signal == .minAgreement
        self.init(
            signal: finding.signal.rawValue, method: finding.method, basis: finding.basis.rawValue,
            newCalls: isOfAnswers ? finding.agreement.compared : finding.new.calls,
            newFailures: isOfAnswers ? finding.agreement.disagreeing : finding.new.failures, oldCalls: finding.old.calls,
            oldFailures: finding.old.failures, newKeys: finding.newKeys, oldKeys: finding.oldKeys,
            probability: finding.probability)
    }
}

import Analysis
import Comparison
import DataPlane

/// Judges the new color of a release by the calls of its step: `Analysis` fed with what the workers have counted.
///
/// Where both colors serve at the same time, these are compared; where all calls go to the new color, it is compared with
/// what the old one served before (`ReleaseBank`).
struct ReleaseJudge {
    private var analysis: ReleaseGuard
    /// The epoch of the step that is judged.
    private var epoch: UInt64?
    private let draw: Draw
    /// What an earlier process had counted in the step.
    private var before: StepStatistics?
    /// What was counted at the last look, in all.
    private var counted: StepStatistics?

    /// Goes on with the evidence that the release has, or judges the rest of its step anew, with a part of the error budget
    /// of its own.
    init(_ release: Release, epoch: UInt64, stickyKey: StickyKey) {
        draw = stickyKey == .none ? .byCall : .byKey
        if let evidence = release.evidence, evidence.epoch == epoch,
            evidence.judge.assignment == Self.assignment(of: release, draw)
        {
            analysis = ReleaseGuard(state: evidence.judge)
            self.epoch = epoch
            before = evidence.statistics
        } else {
            analysis = ReleaseGuard(plan: GuardPlan(release.plan))
            for _ in 0..<release.judged { analysis.begin(.shadow) }
        }
    }

    /// What is to be kept for another process; `nil` if there is nothing, or too much.
    var evidence: GatheredEvidence? {
        guard let epoch, let counted else { return nil }
        return GatheredEvidence(epoch: epoch, judge: analysis.state, statistics: counted)
    }

    /// How the current step's calls come to their colors; `nil` if the step isn't judged.
    private static func assignment(of release: Release, _ draw: Draw) -> Assignment? {
        guard release.isUnderWay else { return nil }
        // Without a limit there is nothing to judge of copies.
        if release.currentStep?.isShadow == true { return release.plan.minAgreement == nil ? nil : .shadow }
        if release.givesAll { return .before(draw) }
        return release.share > .none ? .sameTime(share: release.share.fraction, draw) : nil
    }

    /// What a look has come to.
    struct Look {
        /// Whether it is the first one at a step.
        var isNewStage = false
        /// The evidence, if it suffices.
        var breach: Release.Breach?
        /// The strongest evidence, whether or not it suffices; `nil` before the first call.
        var strongest: Release.Breach?
        /// Keys that were seen on each color; `nil` where calls are drawn by lot.
        var keys: PerColor<Int>?
        /// What the calls of each color have come to; `nil` before the first has ended.
        var sides: (new: Release.Side, old: Release.Side)?

        init(isNewStage: Bool = false) { self.isNewStage = isNewStage }

        fileprivate mutating func take(_ verdict: Verdict) {
            strongest = verdict.finding.map { Release.Breach($0) }
            if case .breach = verdict { breach = strongest }
        }
    }

    /// Takes a look.
    mutating func look(_ statistics: StepStatistics, _ release: Release, epoch: UInt64) -> Look {
        guard let assignment = Self.assignment(of: release, draw) else { return Look() }
        if assignment == .shadow { return look(atCopiesOf: release, epoch: epoch) }
        var look = Look(isNewStage: self.epoch != epoch)
        if look.isNewStage {
            self.epoch = epoch
            analysis.begin(assignment)
            // Another process has to know that the stage has begun, even if it ends this one before a worker reports.
            (before, counted) = (nil, StepStatistics(epoch: epoch, methods: [:]))
        }
        guard statistics.epoch == epoch || before != nil else { return look }
        var statistics = statistics.epoch == epoch ? statistics : StepStatistics(epoch: epoch, methods: [:])
        if let before { statistics.add(before) }
        counted = statistics
        let counting = MethodCounting(release, draw)
        let methods = statistics.methods.map { counting.counts(of: $0, $1) }
        look.take(analysis.look(methods))
        let (new, old) = methods.reduce(into: (SideCounts(), SideCounts())) { sums, method in
            sums.0 += method.new
            sums.1 += method.old
        }
        if new.calls + old.calls > 0 { look.sides = (Release.Side(new), Release.Side(old)) }
        if draw == .byKey { look.keys = statistics.keys }
        return look
    }
}

extension ReleaseJudge {
    /// What stands for the methods in evidence that concerns them all.
    static let allMethods = "all methods"

    /// Looks at a shadow step.
    private mutating func look(atCopiesOf release: Release, epoch: UInt64) -> Look {
        var look = Look(isNewStage: self.epoch != epoch)
        if look.isNewStage {
            self.epoch = epoch
            analysis.begin(.shadow)
        }
        // What was compared is kept with the step itself.
        (before, counted) = (nil, StepStatistics(epoch: epoch, methods: [:]))
        guard let agreement = release.records.last?.comparisons?.counts() else { return look }
        var counts = MethodCounts(method: Self.allMethods)
        counts.agreement = AgreementCounts(
            compared: agreement.compared, disagreeing: agreement.compared - agreement.agreeing)
        look.take(analysis.look([counts]))
        return look
    }
}

extension StepStatistics {
    /// Keys that were seen on each color.
    fileprivate var keys: PerColor<Int> {
        var seen = PerColor<Set<UInt64>> { _ in [] }
        for method in methods.values {
            for (key, value) in method.keys { seen[value.color].insert(key) }
        }
        return PerColor { seen[$0].count }
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
        stages = max(1, plan.steps.count + (plan.guardTime == nil ? 0 : 1))
    }
}

extension Release.Breach {
    init(_ finding: Finding) {
        let isOfAnswers = finding.signal == .minAgreement
        self.init(
            signal: finding.signal.rawValue, method: finding.method, basis: finding.basis.rawValue,
            newCalls: isOfAnswers ? finding.agreement.compared : finding.new.calls,
            newFailures: isOfAnswers ? finding.agreement.disagreeing : finding.new.failures,
            oldCalls: finding.old.calls,
            oldFailures: finding.old.failures, newKeys: finding.newKeys, oldKeys: finding.oldKeys,
            newTimes: finding.newTimes.flatMap { Times($0) }, oldTimes: finding.oldTimes.flatMap { Times($0) },
            probability: finding.probability, strength: finding.evidence / finding.needed)
    }
}

extension Release.Breach.Times {
    /// - Returns: `nil` without any.
    fileprivate init?(_ counts: LatencyCounts) {
        let buckets = LatencyBuckets.standard
        guard let p50 = counts.quantile(0.5, buckets: buckets), let p99 = counts.quantile(0.99, buckets: buckets)
        else { return nil }
        self.init(p50: p50, p99: p99)
    }
}

extension Release.Side {
    fileprivate init(_ counts: SideCounts) {
        self.init(
            calls: counts.calls, failures: counts.failures, firstByte: Release.Breach.Times(counts.firstByte),
            duration: Release.Breach.Times(counts.duration))
    }
}

import DataPlane
import DurationSyntax
import Ground

/// A release, as `POST /release`, `GET /release` and the commands answer with it.
struct ReleaseBody: Encodable {
    struct StepBody: Encodable {
        var canary: String?
        var shadow: String?
        var `for`: String
    }

    /// What a step has seen.
    struct RecordBody: Encodable {
        var step: Int
        /// The share that was asked for; both are left out for the guard.
        var canary: String?
        var shadow: String?
        /// How long the guard lasts; left out for a step.
        var `guard`: String?
        var startedAt: Timestamp
        var endedAt: Timestamp?
        var canaryCalls: Int
        var controlCalls: Int
        var fallenBack: Int
        /// The share of calls that began on the new color, in percent; left out before the first call.
        var shareMet: Double?
        /// Keys that were seen on the new color, and on the old one; left out where calls are drawn by lot.
        var canaryKeys: Int?
        var controlKeys: Int?
        /// What the calls came to on each color; left out before any has ended.
        var new: Release.Side?
        var old: Release.Side?
        /// What came out of a shadow step.
        var comparison: ComparisonBody?
    }

    struct ToleranceBody: Encodable {
        var absolute: Double
        var relative: Double
    }

    struct VerdictBody: Encodable {
        /// Whether the new color was found to be worse.
        var worse: Bool
        /// The strongest evidence against it, whether or not it suffices; left out before the first call.
        var strongest: Release.Breach?
    }

    struct PlanBody: Encodable {
        var to: Color
        var steps: [StepBody]
        var minCalls: Int
        var onNoData: ReleasePlan.NoData
        var onBreach: ReleasePlan.OnBreach
        /// In percent.
        var errorMargin: Double
        var latencyMargin: Double
        var maxErrorShare: Double?
        /// In seconds.
        var maxP99: Double?
        /// In percent.
        var minAgreement: Double?
        /// Left out, as the two after it, if the plan says nothing of comparisons.
        var tolerance: ToleranceBody?
        var ignore: [String]?
        /// In percent.
        var noise: Double?
        var `guard`: String?
        /// Left out if it isn't asked for.
        var judgeResourceExhausted: Bool?
        var reason: String?
        var expect: ExpectedVersion?
    }

    var release: UInt64
    var plan: PlanBody
    var from: Color
    var to: Color
    var startedAt: Timestamp
    var who: String
    var forced: Bool
    /// `running`, `paused` or `ended`.
    var phase: String
    /// Why it is paused.
    var paused: Release.Pause?
    /// How it has ended.
    var outcome: Release.Outcome?
    var endedAt: Timestamp?
    /// The step's place in the plan, from 1; left out if there are none.
    var step: Int?
    /// The share of new calls that goes to the new color.
    var share: String
    /// Seconds until the step's time is up, to the millisecond; left out if the release is over.
    var secondsLeft: Double?
    /// What comes when the step's time is up.
    var next: String?
    /// The evidence that the new color is worse.
    var breach: Release.Breach?
    /// The verdict so far, while it is under way.
    var verdict: VerdictBody?
    var steps: [RecordBody]
    /// The epoch in force.
    var epoch: UInt64
    var auditError: String?

    init(_ release: Release, epoch: UInt64, auditError: String? = nil) {
        self.release = release.number
        plan = PlanBody(
            to: release.plan.to,
            steps: release.plan.steps.map(StepBody.init),
            minCalls: release.plan.minCalls, onNoData: release.plan.onNoData, onBreach: release.plan.onBreach,
            errorMargin: Self.percent(release.plan.errorMargin), latencyMargin: release.plan.latencyMargin,
            maxErrorShare: release.plan.maxErrorShare.map(Self.percent), maxP99: release.plan.maxP99,
            minAgreement: release.plan.minAgreement.map(Self.percent),
            tolerance: release.plan.comparison.map { ToleranceBody(absolute: $0.absolute, relative: $0.relative) },
            ignore: release.plan.comparison?.ignored,
            noise: release.plan.comparison.map { Self.percent($0.noiseShare.fraction) },
            guard: release.plan.guardTime?.text, judgeResourceExhausted: release.plan.judgesExhausted,
            reason: release.plan.reason, expect: release.plan.expect)
        from = release.from
        to = release.plan.to
        startedAt = release.startedAt
        who = release.who
        forced = release.forced
        phase = release.phase.name
        switch release.phase {
        case .running: break
        case .paused(let why): paused = why
        case .ended(let outcome, let at): (self.outcome, endedAt) = (outcome, at)
        }
        step = release.records.isEmpty ? nil : release.step + 1
        share = release.shownShare.percent
        secondsLeft = release.left.map { ($0.inSeconds * 1_000).rounded() / 1_000 }
        next = release.next
        breach = release.breach
        if release.isUnderWay { verdict = VerdictBody(worse: breach != nil, strongest: release.strongest) }
        steps = release.records.map { RecordBody($0, release.plan) }
        self.epoch = epoch
        self.auditError = auditError
    }
}

extension ReleaseBody {
    /// A share in percent, to the hundredth.
    private static func percent(_ share: Double) -> Double { (share * 10_000).rounded() / 100 }
}

extension ReleaseBody.StepBody {
    init(_ step: ReleasePlan.Step) {
        switch step.kind {
        case .canary(let share): canary = share.percent
        case .shadow(let share): shadow = share.percent
        }
        `for` = step.time.text
    }
}

extension ReleaseBody.RecordBody {
    init(_ record: Release.StepRecord, _ plan: ReleasePlan) {
        step = record.step + 1
        let isGuard = record.step >= plan.steps.count
        let asked = isGuard ? nil : ReleaseBody.StepBody(plan.steps[record.step])
        (canary, shadow) = (asked?.canary, asked?.shadow)
        `guard` = isGuard ? plan.guardTime?.text : nil
        startedAt = record.startedAt
        endedAt = record.endedAt
        canaryCalls = record.canaryCalls
        controlCalls = record.controlCalls
        fallenBack = record.fallenBack
        (canaryKeys, controlKeys) = (record.canaryKeys, record.controlKeys)
        (new, old) = (record.new, record.old)
        comparison = record.comparisons.map { ComparisonBody($0, types: record.messageTypes) }
        let all = record.canaryCalls + record.controlCalls
        shareMet = all > 0 && !isGuard ? (Double(record.canaryCalls) / Double(all) * 10_000).rounded() / 100 : nil
    }
}

/// The release under way, in `/status`.
struct ReleaseSummaryBody: Encodable {
    var release: UInt64
    var to: Color
    var share: String
    /// The step's place in the plan, from 1.
    var step: Int
    /// `running` or `paused`.
    var phase: String
    var paused: Release.Pause?
    /// `true` in the guard, left out before.
    var `guard`: Bool?

    init(_ release: Release) {
        self.release = release.number
        to = release.plan.to
        share = release.shownShare.percent
        `guard` = release.isInGuard ? true : nil
        step = release.step + 1
        phase = release.phase.name
        paused = release.phase.pause
    }
}

/// The answer to `GET /releases`, newest first.
struct ReleasesBody: Encodable {
    var releases: [ReleaseBody]
}

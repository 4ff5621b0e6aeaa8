import Comparison
import DataPlane
import Ground

/// A planned change in steps: its plan, how far it is, and what each step has seen.
///
/// A pure state machine: an event and the time go in, and what has to follow comes out. `Switchboard` carries it out, and
/// nobody else changes a release.
package struct Release: Sendable, Equatable, Codable {
    /// How far a release is.
    package enum Phase: Sendable, Equatable, Codable {
        /// A step's share is in force, and its time runs.
        case running
        /// The step's share is in force, and its time stands still.
        case paused(why: Pause)
        /// It is over.
        case ended(as: Outcome, at: Timestamp)
    }

    /// Why a release waits for somebody.
    package enum Pause: String, Sendable, Equatable, Codable {
        /// Somebody has asked for it.
        case asked
        /// The step had too few calls on the new color.
        case noData = "no_data"
        /// A color isn't healthy.
        case health
        /// The new color is worse, and the plan says to wait then, or there is no healthy color to go back to.
        case breach
        /// New calls go to the new color because the old one is down.
        case failover
        /// The Proxy was away for longer than the step takes.
        case away
    }

    /// How a release has ended.
    package enum Outcome: String, Sendable, Equatable, Codable, CaseIterable {
        /// All calls go to the new color.
        case done
        /// All calls go where they went before, as somebody wanted it so.
        case aborted
        /// All calls go where they went before, as the new color was worse.
        case rolledBack = "rolled_back"
    }

    /// The evidence that the new color is worse.
    package struct Breach: Sendable, Equatable, Codable {
        /// What is worse.
        package var signal: String
        /// The method's path.
        package var method: String
        /// What it was compared with.
        package var basis: String
        /// Calls of the method in the step, and those that failed by the color's fault.
        package var newCalls: Int
        package var newFailures: Int
        package var oldCalls: Int
        package var oldFailures: Int
        /// Keys behind the evidence; 0 where calls are drawn by lot.
        package var newKeys: Int
        package var oldKeys: Int
        /// The calls' times, where `signal` judges times; `nil` elsewhere, and for a side without any.
        package var newTimes: Times?
        package var oldTimes: Times?
        /// The chance that a color which isn't worse is ever found to be so, by evidence as strong as this.
        package var probability: Double
        /// The logarithm of the evidence as a part of what a verdict needs: 1 and more suffices, and below 0 it speaks for the
        /// new color.
        package var strength: Double?

        package init(
            signal: String, method: String, basis: String, newCalls: Int, newFailures: Int, oldCalls: Int,
            oldFailures: Int, newKeys: Int = 0, oldKeys: Int = 0, newTimes: Times? = nil, oldTimes: Times? = nil,
            probability: Double, strength: Double? = nil
        ) {
            self.signal = signal
            self.method = method
            self.basis = basis
            self.newCalls = newCalls
            self.newFailures = newFailures
            self.oldCalls = oldCalls
            self.oldFailures = oldFailures
            self.newKeys = newKeys
            self.oldKeys = oldKeys
            self.newTimes = newTimes
            self.oldTimes = oldTimes
            self.probability = probability
            self.strength = strength
        }

        /// The evidence in a line, for the audit log.
        package var text: String {
            if signal == "min_agreement" { return "\(signal): \(newFailures) of \(newCalls) answers differ" }
            let past = basis.contains("before") ? " before" : ""
            let old: String
            let new: String
            if let newTimes {
                new = "\(newTimes.text) in \(newCalls) calls"
                old = oldTimes.map { "\($0.text) in \(oldCalls)\(past)" } ?? "none\(past)"
            } else {
                new = "\(newFailures) of \(newCalls) calls failed"
                old = "\(oldFailures) of \(oldCalls)\(past)"
            }
            return "\(signal) of \(method): \(new), against \(old)"
        }

        /// How long calls took, in seconds: upper bounds of the buckets by which a release is judged.
        package struct Times: Sendable, Equatable, Codable {
            package var p50: Double
            package var p99: Double

            package init(p50: Double, p99: Double) {
                self.p50 = p50
                self.p99 = p99
            }

            var text: String { "p50 \(Self.text(p50)) and p99 \(Self.text(p99))" }

            private static func text(_ seconds: Double) -> String {
                seconds < 1 ? "\((seconds * 100_000).rounded() / 100) ms" : "\((seconds * 100).rounded() / 100) s"
            }
        }
    }

    /// What a step has seen.
    package struct StepRecord: Sendable, Equatable, Codable {
        /// The step's place in the plan, from 0.
        package var step: Int
        package var startedAt: Timestamp
        /// When the next step began, or the release ended.
        package var endedAt: Timestamp?
        /// Calls that began on the new color.
        package var canaryCalls = 0
        /// Calls that began on the old color meanwhile.
        package var controlCalls = 0
        /// Calls that couldn't reach the new color and went to the old one: they are among `controlCalls`, too.
        package var fallenBack = 0
        /// Keys that were seen on the new color, and on the old one; `nil` where calls are drawn by lot.
        package var canaryKeys: Int?
        package var controlKeys: Int?
        /// What the calls that have ended came to on each color; `nil` before any has, and in a shadow step. The old color's are
        /// those of the minutes before, where the new one has all calls.
        package var new: Side?
        package var old: Side?
        /// What the comparison of both colors' answers has found; `nil` in a canary step, and in a release that is long over.
        package var comparisons: Comparisons?
        /// Where the types of the messages are known from, in words; `nil` where none are compared.
        package var messageTypes: String?

        init(step: Int, startedAt: Timestamp) {
            self.step = step
            self.startedAt = startedAt
        }

        /// Calls that say something of the new color: those that have ended on it, or, in a shadow step, whose answers were
        /// compared.
        ///
        /// - Parameter underWay: calls that began on it and haven't ended.
        package func calls(underWay: Int) -> Int { comparisons?.counts().compared ?? max(0, canaryCalls - underWay) }
    }

    /// What the calls of one color have come to in a step, of all methods together.
    package struct Side: Sendable, Equatable, Codable {
        /// Calls that have ended and count.
        package var calls: Int
        /// Those of them that failed by the color's fault.
        package var failures: Int
        /// Times to first byte, and durations of unary calls; `nil` without any.
        package var firstByte: Breach.Times?
        package var duration: Breach.Times?

        package init(calls: Int, failures: Int, firstByte: Breach.Times? = nil, duration: Breach.Times? = nil) {
            self.calls = calls
            self.failures = failures
            self.firstByte = firstByte
            self.duration = duration
        }
    }

    /// What the colors' calls and health were since the last look.
    package struct Observation: Sendable, Equatable {
        /// The time since the last look, by a clock that doesn't jump.
        package var elapsed = Duration.zero
        /// Less those that fell back, which may have been counted at the look before.
        package var canaryCalls = 0
        package var controlCalls = 0
        package var fallenBack = 0
        /// Calls of the step that are under way on the new color: so far they say nothing.
        package var underWay = 0
        /// Whether the color isn't known to be unhealthy.
        package var isHealthy = PerColor(blue: true, green: true)
        package var isFailingOver = false

        package init() {}
    }

    /// What somebody asks of a release.
    package enum Command: String, Sendable, Equatable, CaseIterable {
        case pause
        case resume
        /// To the next step now.
        case promote
        /// All calls back where they were.
        case abort
    }

    /// What has to follow.
    package enum Effect: Sendable, Equatable {
        /// Nothing but that the release is to be remembered as it is now.
        case remember
        /// This share is to be in force.
        case give(Share)
        /// The new color is to take all calls.
        case finish
        /// The new color is to take all calls, and is judged on.
        case watch
        /// The guard is over, and all calls stay at the new color.
        case conclude
        /// All calls are to go where they went before.
        case takeBack
    }

    /// Why a command can't be followed, to end a sentence.
    package struct Refusal: Error, Equatable {
        package var reason: String
    }

    /// The number of the release: the epoch that its beginning made.
    package let number: UInt64
    package let plan: ReleasePlan
    /// The color that takes calls outside the share.
    package let from: Color
    /// Whether the new color's health was ignored at the beginning.
    package let forced: Bool
    package let who: String
    package let startedAt: Timestamp
    /// The request's `Idempotency-Key`.
    package let idempotencyKey: String?
    /// By which keys belong to the share; never shown.
    private let secretWords: [UInt64]
    package private(set) var phase = Phase.running
    /// One for each step that has begun.
    package private(set) var records: [StepRecord] = []
    /// The evidence that has made the release pause or go back.
    package private(set) var breach: Breach?
    /// The strongest evidence against the new color in the current step, whether or not it suffices; `nil` before the first
    /// call.
    package private(set) var strongest: Breach?
    /// How many steps, or parts of steps, have been judged.
    package private(set) var judged = 0
    /// What the old color served before the new one got all calls, or before the release began; `nil` once it is over.
    package internal(set) var bank: ReleaseBank?
    /// What had been gathered in the current step when the release was saved.
    package internal(set) var evidence: GatheredEvidence?
    /// How much of the current step's time has passed, in milliseconds.
    private var spent: Int64 = 0
    /// The last time at which the release was looked at, by the wall clock: how long the Proxy was away is not known
    /// otherwise.
    package private(set) var seenAt: Timestamp

    package init(
        number: UInt64, plan: ReleasePlan, from: Color, forced: Bool, who: String, at time: Timestamp,
        idempotencyKey: String?, secret: ShareSecret
    ) {
        self.number = number
        self.plan = plan
        self.from = from
        self.forced = forced
        self.who = who
        startedAt = time
        self.idempotencyKey = idempotencyKey
        secretWords = [secret.first, secret.second]
        seenAt = time
        if plan.steps.isEmpty, plan.guardTime == nil {
            phase = .ended(as: .done, at: time)
        } else {
            records = [StepRecord(step: 0, startedAt: time)]
        }
    }

    /// By which keys belong to the share.
    package var secret: ShareSecret { ShareSecret(secretWords.first ?? 0, secretWords.last ?? 0) }

    package var isUnderWay: Bool {
        if case .ended = phase { false } else { true }
    }

    /// The place of the current step; that of the last one, if the release is over.
    package var step: Int { max(0, records.count - 1) }

    /// The current step; `nil` in the guard, and if the release is over.
    package var currentStep: ReleasePlan.Step? { isUnderWay && !isInGuard ? plan.steps[step] : nil }

    /// The share that the release gives to the new color.
    package var share: Share { isUnderWay && !isInGuard ? plan.steps[step].share : .none }

    /// The share of new calls that the new color has, which is all of them once the release is done.
    package var shownShare: Share {
        if case .ended(as: .done, _) = phase { return .all }
        return isUnderWay && isInGuard ? .all : share
    }

    /// How long the current step still takes; `nil` if the release is over.
    package var left: Duration? {
        isUnderWay ? .milliseconds(max(0, stepMilliseconds - spent)) : nil
    }

    /// Whether what was read from a file can be: a step that the plan has, for instance.
    var isSound: Bool {
        secretWords.count == 2 && plan.to != from
            && (isUnderWay ? !records.isEmpty : true)
            && records.count <= plan.steps.count + (plan.guardTime == nil ? 0 : 1)
            && plan.guardMilliseconds ?? 1 > 0
            && plan.steps.allSatisfy(\.isSound)
    }

    // MARK: Events

    /// Takes what has been seen since the last look.
    ///
    /// - Returns: what has to follow; `nil` if nothing but counts has changed.
    package mutating func observe(_ seen: Observation, at now: Timestamp) -> Effect? {
        guard isUnderWay else { return nil }
        count(seen)
        seenAt = now
        guard case .running = phase else { return nil }
        spent += seen.elapsed.wholeMilliseconds
        if seen.isFailingOver { return pause(.failover) }
        if !seen.isHealthy[from] || !seen.isHealthy[plan.to] { return pause(.health) }
        guard spent >= stepMilliseconds else { return nil }
        guard records[step].calls(underWay: seen.underWay) < plan.minCalls else { return goOn(at: now) }
        switch plan.onNoData {
        case .continue: return goOn(at: now)
        case .pause: return pause(.noData)
        case .abort: return end(.aborted, at: now)
        }
    }

    private mutating func count(_ seen: Observation) {
        records[step].canaryCalls = max(0, records[step].canaryCalls + seen.canaryCalls)
        records[step].controlCalls += seen.controlCalls
        records[step].fallenBack += seen.fallenBack
    }

    /// Takes what the judge has to say of the current step.
    ///
    /// - Parameters:
    ///   - strongest: the strongest evidence, whether or not it suffices.
    ///   - keys: keys that were seen on each color.
    ///   - sides: what the calls of each color have come to.
    package mutating func judged(_ strongest: Breach?, keys: PerColor<Int>?, sides: (new: Side, old: Side)? = nil) {
        self.strongest = strongest
        guard isUnderWay else { return }
        if let sides { (records[step].new, records[step].old) = sides }
        guard let keys else { return }
        records[step].canaryKeys = keys[plan.to]
        records[step].controlKeys = keys[from]
    }

    /// Notes that a step, or the rest of one after a restart, is judged from now on.
    package mutating func judgementBegins() { judged += 1 }

    /// Takes the evidence that the new color is worse. A paused release is watched, too.
    ///
    /// - Parameters:
    ///   - seen: as for `observe`, whose place this takes.
    ///   - canGoBack: whether the old color is healthy.
    /// - Returns: what has to follow; `nil` if nothing more can.
    package mutating func found(
        _ breach: Breach, _ seen: Observation = Observation(), canGoBack: Bool, at now: Timestamp
    ) -> Effect? {
        guard isUnderWay else { return nil }
        count(seen)
        seenAt = now
        let isKnown = self.breach != nil
        self.breach = breach
        guard plan.onBreach == .rollback, canGoBack else {
            if case .paused = phase, isKnown { return nil }
            return pause(.breach)
        }
        return end(.rolledBack, at: now)
    }

    /// Takes what the comparison of answers has found in the current step so far.
    ///
    /// - Parameter types: where the types of the messages are known from, in words.
    package mutating func take(_ comparisons: Comparisons, types: String?) {
        guard currentStep?.isShadow == true else { return }
        records[step].comparisons = comparisons
        records[step].messageTypes = types
    }

    /// Shadow steps that are over and whose comparisons are kept in full.
    private static let keptComparisons = 2

    /// Keeps the state file within its bounds.
    private mutating func forgetOldComparisons() {
        let compared = records.indices.filter { records[$0].comparisons != nil }
        for index in compared.dropLast(Self.keptComparisons) { records[index].comparisons = nil }
    }

    /// The release without what its comparisons have found, as another one is of more interest.
    package func withoutComparisons() -> Release {
        var release = self
        for index in release.records.indices { release.records[index].comparisons = nil }
        return release
    }

    /// Follows a command.
    package mutating func follow(_ command: Command, at now: Timestamp) throws(Refusal) -> Effect {
        guard isUnderWay else { throw Refusal(reason: "release \(number) is over") }
        switch (command, phase) {
        case (.pause, .paused): throw Refusal(reason: "release \(number) is paused already")
        case (.pause, _): return pause(.asked)
        case (.resume, .paused(why: .breach)):
            // The evidence stands, and would make it pause again at once.
            throw Refusal(reason: "release \(number) is paused because \(plan.to) is worse: promote or abort it")
        case (.resume, .paused(let why)):
            phase = .running
            seenAt = now
            // Whoever goes on without data has seen that there is none.
            if why == .noData { return goOn(at: now) }
            return .remember
        case (.resume, _): throw Refusal(reason: "release \(number) is not paused")
        case (.promote, _): return goOn(at: now)
        case (.abort, _): return end(.aborted, at: now)
        }
    }

    /// Goes on after the Proxy was away: in its step, or, if it was away for longer than the step takes, paused.
    package mutating func comeBack(at now: Timestamp) {
        guard case .running = phase else { return }
        if now.milliseconds - seenAt.milliseconds > stepMilliseconds { phase = .paused(why: .away) }
        seenAt = now
    }

    private mutating func pause(_ why: Pause) -> Effect {
        phase = .paused(why: why)
        return .remember
    }

    private mutating func goOn(at now: Timestamp) -> Effect {
        let isLast = step + 1 >= plan.steps.count
        guard !isInGuard, !isLast || plan.guardTime != nil else { return end(.done, at: now) }
        records[step].endedAt = now
        forgetOldComparisons()
        records.append(StepRecord(step: records.count, startedAt: now))
        // Whoever goes on in spite of a breach has seen it; the next step is judged by itself.
        (phase, spent, breach, evidence) = (.running, 0, nil, nil)
        seenAt = now
        return isLast ? .watch : .give(share)
    }

    private mutating func end(_ outcome: Outcome, at now: Timestamp) -> Effect {
        records[step].endedAt = now
        phase = .ended(as: outcome, at: now)
        (bank, evidence) = (nil, nil)
        return outcome == .done ? isInGuard ? .conclude : .finish : .takeBack
    }
}

extension Release.Phase {
    /// Why it is paused; `nil` if it isn't.
    package var pause: Release.Pause? {
        if case .paused(let why) = self { why } else { nil }
    }

    /// The name in answers and logs.
    package var name: String {
        switch self {
        case .running: "running"
        case .paused: "paused"
        case .ended: "ended"
        }
    }
}

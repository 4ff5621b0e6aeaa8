import Comparison
import DataPlane
import DurationSyntax
import Ground

/// A line of the audit log.
package struct AuditEntry: Sendable, Equatable, Codable {
    /// The request.
    package enum Action: String, Sendable, Equatable, Codable {
        /// The first start, which creates the state.
        case initial
        case `switch`
        case rollback
        /// Cancels a drain: the calls that a change left behind go on.
        case cancelDrain = "cancel_drain"
        /// Begins a release; or, in the history, its last step.
        case release
        case pauseRelease = "release_pause"
        case resumeRelease = "release_resume"
        /// To the next step.
        case promoteRelease = "release_promote"
        /// All calls back where they were.
        case abortRelease = "release_abort"
        /// All calls to the new color, after the last step, which is judged on.
        case guardRelease = "release_guard"
        /// The end: all calls to the new color, after the last step or the guard.
        case endRelease = "release_end"

        package init(_ command: Release.Command) {
            self =
                switch command {
                case .pause: .pauseRelease
                case .resume: .resumeRelease
                case .promote: .promoteRelease
                case .abort: .abortRelease
                }
        }

        package init(_ action: Change.Action) {
            self =
                switch action {
                case .initial: .initial
                case .switch: .switch
                case .rollback: .rollback
                case .release: .release
                }
        }
    }

    /// The drain that began or was cancelled.
    package struct DrainRecord: Sendable, Equatable, Codable {
        /// The color that is drained.
        package var color: Color
        /// The epoch of the change that began the drain.
        package var epoch: UInt64
        /// A duration in the settings' syntax.
        package var timeout: String

        package init(_ drain: Drain) {
            color = drain.color
            epoch = drain.epoch
            timeout = drain.timeout.text
        }
    }

    /// How far a release was.
    package struct ReleaseRecord: Sendable, Equatable, Codable {
        package var number: UInt64
        /// The step's place in the plan, from 1; `nil` if there are none.
        package var step: Int?
        /// The share of calls that goes to the new color from now on.
        package var share: String
        /// `running`, `paused` or `ended`.
        package var phase: String
        /// Why it is paused.
        package var paused: Release.Pause?
        /// Whether it is in its guard; left out if it isn't.
        package var `guard`: Bool?
        /// What the step that has just ended has seen; of a release that goes on in its step, what that has seen so far.
        package var seen: Numbers?
        /// The evidence that the new color is worse, once there is some.
        package var breach: Release.Breach?

        /// What a step has seen.
        package struct Numbers: Sendable, Equatable, Codable {
            /// The step's place in the plan, from 1.
            package var step: Int
            package var canaryCalls: Int
            package var controlCalls: Int
            package var fallenBack: Int
            /// Answers compared, and those that agree; left out but for shadow steps.
            package var compared: Int?
            package var agreeing: Int?

            init(_ record: Release.StepRecord) {
                step = record.step + 1
                canaryCalls = record.canaryCalls
                controlCalls = record.controlCalls
                fallenBack = record.fallenBack
                let counts = record.comparisons?.counts()
                (compared, agreeing) = (counts?.compared, counts?.agreeing)
            }
        }

        package init(_ release: Release) {
            number = release.number
            step = release.records.isEmpty ? nil : release.step + 1
            share = release.shownShare.percent
            phase = release.phase.name
            paused = release.phase.pause
            `guard` = release.isInGuard ? true : nil
            // A step that has begun just now has seen nothing.
            let last = release.records.last { $0.endedAt != nil } ?? release.records.last
            let current = release.records.last
            let isNew = current.map { $0.canaryCalls + $0.controlCalls == 0 && $0.comparisons == nil } ?? true
            seen = (isNew ? last : current).map(Numbers.init)
            breach = release.breach
        }
    }

    /// What became of the request.
    package enum Outcome: String, Sendable, Equatable, Codable, CaseIterable {
        /// The request was carried out.
        case changed
        /// The requested color was already active.
        case unchanged
        case refused
    }

    /// When the request was answered.
    package var time: Timestamp
    /// The epoch in force when the request was answered.
    package var epoch: UInt64
    /// What was requested.
    package var action: Action
    /// The color that was active when the request came; `nil` for the first start.
    package var from: Color?
    /// The requested color; `nil` for a rollback with nothing to go back to.
    package var to: Color?
    /// What became of the request.
    package var outcome: Outcome
    /// Whether it was requested with `force`.
    package var forced: Bool
    /// `nil` if the request didn't involve a drain.
    package var drain: DrainRecord?
    /// The release's number, step, share and phase; `nil` if the request didn't involve a release.
    package var release: ReleaseRecord?
    /// The reason given with the request.
    package var reason: String?
    /// Why the request was refused.
    package var error: String?
    /// The token's name or the peer's address; `settings` for the first start.
    package var who: String

    package init(
        time: Timestamp, epoch: UInt64, action: Action, from: Color?, to: Color?, outcome: Outcome,
        forced: Bool, drain: Drain? = nil, reason: String?, error: String? = nil, who: String
    ) {
        self.time = time
        self.epoch = epoch
        self.action = action
        self.from = from
        self.to = to
        self.outcome = outcome
        self.forced = forced
        self.drain = drain.map(DrainRecord.init)
        self.reason = reason
        self.error = error
        self.who = who
    }

    /// The line for a change that was made.
    package init(_ change: Change, drain: Drain? = nil) {
        self.init(
            time: change.at, epoch: change.epoch, action: Action(change.action), from: change.from, to: change.to,
            outcome: .changed, forced: change.forced, drain: drain, reason: change.reason, who: change.who)
    }

    /// The line for an event of a release.
    ///
    /// - Parameter isReturn: whether its calls go back to where they came from.
    package init(
        _ release: Release, _ action: Action, epoch: UInt64, at time: Timestamp, isReturn: Bool = false,
        reason: String? = nil, who: String
    ) {
        let (from, to) = isReturn ? (release.plan.to, release.from) : (release.from, release.plan.to)
        self.init(
            time: time, epoch: epoch, action: action, from: from, to: to, outcome: .changed,
            forced: release.forced, reason: reason ?? (action == .release ? release.plan.reason : nil), who: who)
        self.release = ReleaseRecord(release)
    }
}

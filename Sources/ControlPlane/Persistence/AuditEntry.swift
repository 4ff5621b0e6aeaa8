import DataPlane
import DurationSyntax
import Ground

/// A line of the audit log.
package struct AuditEntry: Sendable, Equatable, Codable {
    /// What was asked for.
    package enum Action: String, Sendable, Equatable, Codable {
        /// The first start, which makes the state.
        case initial
        case `switch`
        case rollback
        /// Calls that a change left behind are let go on.
        case cancelDrain = "cancel_drain"

        package init(_ action: Change.Action) {
            self =
                switch action {
                case .initial: .initial
                case .switch: .switch
                case .rollback: .rollback
                }
        }
    }

    /// The drain that began or was cancelled.
    package struct DrainRecord: Sendable, Equatable, Codable {
        package var color: Color
        package var epoch: UInt64
        /// As settings write durations.
        package var timeout: String

        package init(_ drain: Drain) {
            color = drain.color
            epoch = drain.epoch
            timeout = drain.timeout.text
        }
    }

    package enum Outcome: String, Sendable, Equatable, Codable, CaseIterable {
        /// What was asked for has been done.
        case changed
        /// The color asked for was active already.
        case unchanged
        case refused
    }

    package var time: Timestamp
    /// The epoch in force once the request was answered.
    package var epoch: UInt64
    package var action: Action
    /// The color that was active when the request came; `nil` for the first start.
    package var from: Color?
    /// The color asked for; `nil` for a rollback with nothing to go back to.
    package var to: Color?
    package var outcome: Outcome
    package var forced: Bool
    /// `nil` where the request had none to do with.
    package var drain: DrainRecord?
    /// What the asker gave as a reason.
    package var reason: String?
    /// Why it was refused.
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

    /// The line of a change that was made.
    package init(_ change: Change, drain: Drain? = nil) {
        self.init(
            time: change.at, epoch: change.epoch, action: Action(change.action), from: change.from, to: change.to,
            outcome: .changed, forced: change.forced, drain: drain, reason: change.reason, who: change.who)
    }
}

import DataPlane

/// A line of the audit log.
package struct AuditEntry: Sendable, Equatable, Codable {
    package enum Outcome: String, Sendable, Equatable, Codable, CaseIterable {
        case changed
        /// The color asked for was active already.
        case unchanged
        case refused
    }

    package var time: Timestamp
    /// The epoch in force once the request was answered.
    package var epoch: UInt64
    package var action: Change.Action
    /// The color that was active when the request came; `nil` for the first start.
    package var from: Color?
    /// The color asked for; `nil` for a rollback with nothing to go back to.
    package var to: Color?
    package var outcome: Outcome
    package var forced: Bool
    /// What the asker gave as a reason.
    package var reason: String?
    /// Why it was refused.
    package var error: String?
    /// The token's name or the peer's address; `settings` for the first start.
    package var who: String

    package init(
        time: Timestamp, epoch: UInt64, action: Change.Action, from: Color?, to: Color?, outcome: Outcome,
        forced: Bool, reason: String?, error: String? = nil, who: String
    ) {
        self.time = time
        self.epoch = epoch
        self.action = action
        self.from = from
        self.to = to
        self.outcome = outcome
        self.forced = forced
        self.reason = reason
        self.error = error
        self.who = who
    }

    /// The line of a change that was made.
    package init(_ change: Change) {
        self.init(
            time: change.at, epoch: change.epoch, action: change.action, from: change.from, to: change.to,
            outcome: .changed, forced: change.forced, reason: change.reason, who: change.who)
    }
}

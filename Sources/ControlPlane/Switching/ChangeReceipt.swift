import DataPlane

/// What a request that was not refused came to.
package struct ChangeReceipt: Sendable, Equatable {
    package enum Outcome: Sendable, Equatable {
        case changed
        /// The color asked for was active already.
        case unchanged
        /// What would have been changed, had it not been asked as a trial.
        case wouldChange
    }

    package var outcome: Outcome
    /// The change that was made or would be; where nothing changes, the change that made the color active.
    package var change: Change
    /// The health of the color asked for, as the decision saw it.
    package var health: ColorHealth
    /// Calls still in flight on the color that is no longer active, begun before its last change.
    package var inFlight: Int
    /// Processes that have been taken over from, may have such calls and don't answer.
    package var unanswered = 0
    /// The drain that the change has begun; `nil` where the calls left behind stay as long as they like.
    package var drain: Drain?
    /// Why the audit log lacks this change's line; `nil` where it has it.
    package var auditError: String?

    package init(
        outcome: Outcome, change: Change, health: ColorHealth, inFlight: Int, drain: Drain? = nil,
        auditError: String? = nil
    ) {
        self.outcome = outcome
        self.change = change
        self.health = health
        self.inFlight = inFlight
        self.drain = drain
        self.auditError = auditError
    }

    /// Nothing is left behind, and no process could have something.
    package var isDrained: Bool { inFlight == 0 && unanswered == 0 }

    /// Takes in what the change has left behind.
    package mutating func take(_ left: TrafficReport.Left) {
        inFlight = left.calls
        unanswered = left.unanswered
    }
}

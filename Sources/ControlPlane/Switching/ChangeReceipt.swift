import DataPlane

/// The outcome of a request that was not refused.
package struct ChangeReceipt: Sendable, Equatable {
    /// What became of the request.
    package enum Outcome: Sendable, Equatable {
        case changed
        /// The requested color was already active.
        case unchanged
        /// A trial: the change would have been made.
        case wouldChange
    }

    /// What became of the request.
    package var outcome: Outcome
    /// The change that was made or would be; if nothing changes, the change that made the color active.
    package var change: Change
    /// The health of the requested color, as the decision saw it.
    package var health: ColorHealth
    /// Calls still in flight on the color that is no longer active, begun before its last change.
    package var inFlight: Int
    /// Processes taken over from that may still have such calls but don't answer.
    package var unanswered = 0
    /// The drain that the change began; `nil` if the calls left behind stay as long as they like.
    package var drain: Drain?
    /// Why this change's line is missing from the audit log; `nil` if it isn't.
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

    /// Whether no call is left behind and no process could still have one.
    package var isDrained: Bool { inFlight == 0 && unanswered == 0 }

    /// Records what the change has left behind.
    package mutating func take(_ left: TrafficReport.Left) {
        inFlight = left.calls
        unanswered = left.unanswered
    }
}

import DataPlane
import Ground

/// A change of the active color, as kept in history, state file and audit log.
package struct Change: Sendable, Equatable, Codable {
    /// The kind of a change. The raw value is its name in files and answers.
    package enum Action: String, Sendable, Equatable, Codable {
        /// The first start, which creates the state.
        case initial
        case `switch`
        case rollback
    }

    /// The number that this change gave the route: 1 for the first start, one more with each change.
    package var epoch: UInt64
    /// The kind of the change.
    package var action: Action
    /// The color that was active before; `nil` only for the first start.
    package var from: Color?
    /// The color that the change made active.
    package var to: Color
    /// When the change was made.
    package var at: Timestamp
    /// Whether it was requested with `force`, which ignores the new color's health.
    package var forced: Bool
    /// The reason given with the request.
    package var reason: String?
    /// The token's name or the peer's address; `settings` for the first start.
    package var who: String

    package init(
        epoch: UInt64, action: Action, from: Color?, to: Color, at: Timestamp, forced: Bool = false,
        reason: String? = nil, who: String
    ) {
        self.epoch = epoch
        self.action = action
        self.from = from
        self.to = to
        self.at = at
        self.forced = forced
        self.reason = reason
        self.who = who
    }
}

/// Which color is active, since when and why: the newest change, and those before it.
package struct SwitchState: Sendable, Equatable {
    /// The number of changes kept, including the current one.
    package static let historyLimit = 50

    /// Newest first; at least one, at most `historyLimit`.
    package private(set) var history: [Change]

    /// The state of a first start.
    package init(initial color: Color, at time: Timestamp) {
        history = [Change(epoch: 1, action: .initial, from: nil, to: color, at: time, who: "settings")]
    }

    /// Restores a saved state.
    ///
    /// - Parameter history: newest change first.
    /// - Returns: `nil` if the changes don't follow from each other: epochs that don't count down by one to 1 or to a
    ///   full history's end, a color that doesn't follow from the change before, a first start that isn't the first, or
    ///   no change at all.
    package init?(history: [Change]) {
        guard let newest = history.first, let oldest = history.last, history.count <= Self.historyLimit,
            newest.epoch < Route.epochs.upperBound, oldest.epoch >= 1,
            history.allSatisfy({ ($0.epoch == 1) == ($0.action == .initial) && ($0.from == nil) == ($0.epoch == 1) }),
            history.allSatisfy({ $0.from != $0.to })
        else { return nil }
        for (later, earlier) in zip(history, history.dropFirst()) {
            guard later.epoch == earlier.epoch + 1, later.from == earlier.to else { return nil }
        }
        self.history = history
    }

    /// The change that led to this state.
    package var current: Change { history[0] }
    /// The epoch of the newest change.
    package var epoch: UInt64 { current.epoch }
    /// The active color.
    package var active: Color { current.to }
    /// The color before the last change, which a rollback activates; `nil` before the first change.
    package var previous: Color? { current.from }
    /// The route that the workers follow.
    package var route: Route { Route(epoch: epoch, active: active) }

    /// The state after a change, which must have the next epoch.
    package func adding(_ change: Change) -> SwitchState {
        precondition(change.epoch == epoch + 1 && change.from == active && change.to != active)
        var next = self
        next.history = Array(([change] + history).prefix(Self.historyLimit))
        return next
    }
}

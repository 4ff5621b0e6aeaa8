import DataPlane
import Ground

/// One change of the active color, as history, state file and audit log keep it.
package struct Change: Sendable, Equatable, Codable {
    package enum Action: String, Sendable, Equatable, Codable {
        /// The first start, which makes the state.
        case initial
        case `switch`
        case rollback
    }

    /// The number this change gave the route: 1 for the first start, then up by one per change.
    package var epoch: UInt64
    package var action: Action
    /// The color that was active before; `nil` for the first start only.
    package var from: Color?
    package var to: Color
    package var at: Timestamp
    /// Whether it was asked for with `force`, which passes over the health of the new color.
    package var forced: Bool
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
    /// How many changes are kept, the current one among them.
    package static let historyLimit = 50

    /// The newest first; never empty, at most `historyLimit`.
    package private(set) var history: [Change]

    /// The state of a first start.
    package init(initial color: Color, at time: Timestamp) {
        history = [Change(epoch: 1, action: .initial, from: nil, to: color, at: time, who: "settings")]
    }

    /// Takes a state up again.
    ///
    /// - Parameter history: the newest change first.
    /// - Returns: `nil` where the changes do not follow from each other: epochs that don't count down by one to 1 or to
    ///   a full history's end, a color that comes from nowhere, a first start that isn't the first, or none at all.
    package init?(history: [Change]) {
        guard let newest = history.first, let oldest = history.last, history.count <= Self.historyLimit,
            (1..<1 << 62).contains(newest.epoch), oldest.epoch >= 1,
            history.allSatisfy({ ($0.epoch == 1) == ($0.action == .initial) && ($0.from == nil) == ($0.epoch == 1) }),
            history.allSatisfy({ $0.from != $0.to })
        else { return nil }
        for (later, earlier) in zip(history, history.dropFirst()) {
            guard later.epoch == earlier.epoch + 1, later.from == earlier.to else { return nil }
        }
        self.history = history
    }

    /// The change that made things as they are.
    package var current: Change { history[0] }
    package var epoch: UInt64 { current.epoch }
    package var active: Color { current.to }
    /// The color before the last change, where a rollback goes; `nil` while there was no change.
    package var previous: Color? { current.from }
    package var route: Route { Route(epoch: epoch, active: active) }

    /// The state after a change, which must be the next in line.
    package func adding(_ change: Change) -> SwitchState {
        precondition(change.epoch == epoch + 1 && change.from == active && change.to != active)
        var next = self
        next.history = Array(([change] + history).prefix(Self.historyLimit))
        return next
    }
}

import DataPlane
import Ground
import Logging
import Synchronization

/// A failover: new calls go to the other color because the active one has no endpoint that can take them.
package struct Failover: Sendable, Equatable {
    /// The color that takes new calls.
    package var to: Color
    /// When it began.
    package var since: Timestamp

    package init(to: Color, since: Timestamp) {
        self.to = to
        self.since = since
    }
}

/// Reports when new calls begin to go to the other color, and when they stop.
///
/// The workers decide for each call by `FailoverRule`; this type applies the same rule to the same evidence. It is told
/// of every change of health, of the active color and of the setting; any thread may ask it.
package final class FailoverWatch: Sendable {
    /// The begin or the end of a failover.
    package struct Turn: Sendable, Equatable {
        package var hasBegun: Bool
        /// The color that is active, and can't take calls while it lasts.
        package var active: Color
        /// The color that takes new calls in its place.
        package var to: Color
        /// When it began.
        package var since: Timestamp
        /// When this happened.
        package var at: Timestamp

        package init(hasBegun: Bool, active: Color, to: Color, since: Timestamp, at: Timestamp) {
            self.hasBegun = hasBegun
            self.active = active
            self.to = to
            self.since = since
            self.at = at
        }
    }

    private struct State {
        var active: Color
        var isEnabled: Bool
        /// Every endpoint may be given calls until its first results are in.
        var routable = PerColor(blue: [true], green: [true])
        var current: Failover?
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Timestamp
    private let onTurn: @Sendable (Turn) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - isEnabled: whether calls may leave the active color at all.
    ///   - now: the wall clock.
    ///   - onTurn: told of each begin and end, in order, and must not wait for anything.
    package init(
        active: Color, isEnabled: Bool, now: @escaping @Sendable () -> Timestamp = { .now() },
        onTurn: @escaping @Sendable (Turn) -> Void = { _ in }, logger: Logger
    ) {
        self.onTurn = onTurn
        state = Mutex(State(active: active, isEnabled: isEnabled))
        self.now = now
        self.logger = logger
    }

    /// The failover in force; `nil` while new calls go to the active color.
    package var current: Failover? {
        state.withLock { $0.current }
    }

    /// Records that another color is active.
    package func changed(active: Color) {
        update { $0.active = active }
    }

    /// Records a change in the health checks' results.
    package func changed(routable: PerColor<[Bool]>) {
        update { $0.routable = routable }
    }

    /// Records a change of the setting.
    package func set(isEnabled: Bool) {
        update { $0.isEnabled = isEnabled }
    }

    private func update(_ change: (inout State) -> Void) {
        let (before, after, active) = state.withLock { state in
            let before = state.current
            change(&state)
            let target = FailoverRule.target(
                active: state.active, isEnabled: state.isEnabled, routable: state.routable)
            if target == state.active {
                state.current = nil
            } else if before?.to != target {
                state.current = Failover(to: target, since: now())
            }
            if before != state.current { tell(before, state.current, state.active) }
            return (before, state.current, state.active)
        }
        guard before != after else { return }
        if let before {
            logger.notice(
                "failing over has ended",
                metadata: ["active": "\(active)", "to": "\(before.to)", "since": "\(before.since)"])
        }
        if let after {
            logger.warning(
                "failing over: new calls go to the other color, as no endpoint of the active one is healthy",
                metadata: ["active": "\(active)", "to": "\(after.to)"])
        }
    }

    private func tell(_ before: Failover?, _ after: Failover?, _ active: Color) {
        if let before {
            // The color that was active then is the other one, whichever is active now.
            onTurn(Turn(hasBegun: false, active: before.to.other, to: before.to, since: before.since, at: now()))
        }
        if let after {
            onTurn(Turn(hasBegun: true, active: active, to: after.to, since: after.since, at: after.since))
        }
    }
}

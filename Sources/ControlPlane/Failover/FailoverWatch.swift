import DataPlane
import Ground
import Logging
import Synchronization

/// New calls go to the other color, as the active one is wholly down.
package struct Failover: Sendable, Equatable {
    /// The color that takes them.
    package var to: Color
    package var since: Timestamp

    package init(to: Color, since: Timestamp) {
        self.to = to
        self.since = since
    }
}

/// Says when new calls begin to go to the other color, and when no longer.
///
/// The workers decide for each call by `FailoverRule`; this follows the same rule with the same evidence. It is told of
/// every change of health, of color and of the setting, and may be asked from any thread.
package final class FailoverWatch: Sendable {
    private struct State {
        var active: Color
        var isEnabled: Bool
        /// Until the first results, every endpoint may be given calls.
        var routable = PerColor(blue: [true], green: [true])
        var current: Failover?
    }

    private let state: Mutex<State>
    private let now: @Sendable () -> Timestamp
    private let logger: Logger

    /// - Parameters:
    ///   - isEnabled: whether calls may leave the active color at all.
    ///   - now: the wall clock.
    package init(
        active: Color, isEnabled: Bool, now: @escaping @Sendable () -> Timestamp = { .now() }, logger: Logger
    ) {
        state = Mutex(State(active: active, isEnabled: isEnabled))
        self.now = now
        self.logger = logger
    }

    /// Where new calls go other than to the active color; `nil` where they go there.
    package var current: Failover? {
        state.withLock { $0.current }
    }

    /// Another color is active.
    package func changed(active: Color) {
        update { $0.active = active }
    }

    /// The health checks have found something new.
    package func changed(routable: PerColor<[Bool]>) {
        update { $0.routable = routable }
    }

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
}

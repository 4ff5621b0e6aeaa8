import DataPlane
import Ground

/// Why a change does not happen.
package enum ChangeRefusal: Error, Sendable, Equatable {
    /// The state is no longer the one the request was made for.
    case epochMismatch(actual: UInt64)
    /// No change has been made yet.
    case nothingToRollBackTo
    /// The color is not known to be healthy, and the request does not force it.
    case targetNotHealthy(ColorHealth)
    /// The new state could not be written; nothing was swapped. The text names the file.
    case stateNotSaved(reason: String)
    /// Another process is taking over, and makes the changes from now on.
    case handedOver
}

/// What a request comes to, given the state and the evidence.
package enum ChangeDecision: Sendable, Equatable {
    case change(Change)
    /// The color asked for is active already.
    case unchanged
    case refused(ChangeRefusal)

    /// Decides. It has no effects and looks at nothing but its arguments.
    ///
    /// The condition comes first, so that whoever acts on a stale view learns of it whatever else holds.
    ///
    /// - Parameters:
    ///   - health: what the last health checks found; only that of the color asked for counts.
    ///   - time: when the change happens, if it does.
    package static func decide(
        _ request: ChangeRequest, state: SwitchState, health: PerColor<ColorHealth>, at time: Timestamp
    ) -> ChangeDecision {
        if case .epochs(let epochs) = request.condition, !epochs.contains(state.epoch) {
            return .refused(.epochMismatch(actual: state.epoch))
        }
        guard let target = request.target(in: state) else { return .refused(.nothingToRollBackTo) }
        if target == state.active { return .unchanged }
        if !health[target].isHealthy && !request.force { return .refused(.targetNotHealthy(health[target])) }
        return .change(
            Change(
                epoch: state.epoch + 1, action: request.action, from: state.active, to: target, at: time,
                forced: request.force, reason: request.reason, who: request.who))
    }
}

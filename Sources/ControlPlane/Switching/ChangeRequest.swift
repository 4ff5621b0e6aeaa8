import DataPlane

/// A request to the switchboard.
package struct ChangeRequest: Sendable, Equatable {
    /// The color that is asked for.
    package enum Aim: Sendable, Equatable {
        /// To the color that is not active.
        case toggle
        case switchTo(Color)
        /// To the color before the last change.
        case rollback
    }

    /// The epochs under which the change may happen (RFC 9110 section 13.1.1, `If-Match`).
    package enum Condition: Sendable, Equatable {
        case any
        case epochs(Set<UInt64>)

        /// - Throws: `epochMismatch` if the epoch is none of these.
        func check(_ epoch: UInt64) throws(ChangeRefusal) {
            if case .epochs(let epochs) = self, !epochs.contains(epoch) { throw .epochMismatch(actual: epoch) }
        }
    }

    /// The color that is asked for.
    package var aim: Aim
    /// Whether to change even to a color that isn't healthy.
    package var force: Bool
    /// The asker's reason, for history and audit log.
    package var reason: String?
    /// The epochs under which the change may happen.
    package var condition: Condition
    /// The version that the color has to say it is; `nil` for any.
    package var expect: ExpectedVersion?
    /// What happens to the calls that the change leaves behind.
    package var drain: DrainChoice
    /// The token's name or the peer's address.
    package var who: String

    package init(
        _ aim: Aim, force: Bool = false, reason: String? = nil, condition: Condition = .any,
        expect: ExpectedVersion? = nil, drain: DrainChoice = .standard, who: String
    ) {
        self.aim = aim
        self.force = force
        self.reason = reason
        self.condition = condition
        self.expect = expect
        self.drain = drain
        self.who = who
    }

    /// The name of the change in history and audit log.
    package var action: Change.Action {
        aim == .rollback ? .rollback : .switch
    }

    /// The color that a change from this state would activate; `nil` for a rollback with nothing to go back to.
    package func target(in state: SwitchState) -> Color? {
        switch aim {
        case .toggle: state.active.other
        case .switchTo(let color): color
        case .rollback: state.previous
        }
    }
}

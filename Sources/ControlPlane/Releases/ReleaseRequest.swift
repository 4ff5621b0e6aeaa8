import DataPlane

/// A request to begin a release.
package struct ReleaseRequest: Sendable, Equatable {
    package var plan: ReleasePlan
    /// Whether to begin even if the new color isn't healthy.
    package var force: Bool
    /// The epochs under which the release may begin.
    package var condition: ChangeRequest.Condition
    /// The request's `Idempotency-Key`: the same request again is answered with the same release.
    package var idempotencyKey: String?
    /// The token's name or the peer's address.
    package var who: String

    package init(
        _ plan: ReleasePlan, force: Bool = false, condition: ChangeRequest.Condition = .any,
        idempotencyKey: String? = nil, who: String
    ) {
        self.plan = plan
        self.force = force
        self.condition = condition
        self.idempotencyKey = idempotencyKey
        self.who = who
    }

    /// The change of color that the release leads to, as the rules of changes judge it.
    var change: ChangeRequest {
        ChangeRequest(
            .switchTo(plan.to), force: force, reason: plan.reason, condition: condition, expect: plan.expect, who: who)
    }
}

/// Why a release can't begin, or can't be steered.
package enum ReleaseRefusal: Error, Sendable, Equatable {
    /// As for a switch.
    case change(ChangeRefusal)
    /// The new color is active already.
    case alreadyActive(Color)
    /// The key belongs to a release with another plan.
    case keyIsTaken(by: UInt64)
    /// There is no release to be steered, or it is in no state for this.
    case notPossible(String)
}

extension ReleaseRefusal: CustomStringConvertible {
    package var description: String {
        switch self {
        case .change(let refusal): refusal.description
        case .alreadyActive(let color): "\(color) is active already"
        case .keyIsTaken(let number): "the Idempotency-Key is that of release \(number), which has another plan"
        case .notPossible(let reason): reason
        }
    }
}

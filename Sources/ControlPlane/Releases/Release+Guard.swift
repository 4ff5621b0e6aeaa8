import DataPlane
import DurationSyntax

/// The guard: the part of a release after its last step, in which all calls go to the new color and it is still judged.
extension Release {
    /// Whether the release is in its guard, or has ended in it.
    package var isInGuard: Bool { plan.guardTime != nil && records.count > plan.steps.count }

    /// The color that is active while the release is under way.
    package var active: Color { isInGuard ? plan.to : from }

    /// Whether all calls go to the new color, so that it is compared with what the old one served before.
    package var givesAll: Bool { isInGuard || plan.steps.indices.contains(step) && plan.steps[step].share == .all }

    /// Whether a bank is needed when the current step is over, as the next one gives all calls to the new color and this
    /// one doesn't.
    package var isBeforeGivingAll: Bool {
        guard isUnderWay, !givesAll else { return false }
        guard step + 1 < plan.steps.count else { return plan.guardTime != nil }
        return plan.steps[step + 1].share == .all
    }

    /// Whether the step before the current one gave all calls to the new color already.
    var gaveAll: Bool { step > 0 && plan.steps[step - 1].share == .all }

    /// Whether that is soon: sooner than any pause between two looks.
    package var givesAllSoon: Bool { isBeforeGivingAll && (left ?? .zero) <= .seconds(10) }

    /// How long the current step takes, in milliseconds.
    var stepMilliseconds: Int64 { isInGuard ? plan.guardMilliseconds ?? 0 : plan.steps[step].milliseconds }

    /// What comes when the current step's time is up, as answers name it.
    package var next: String? {
        guard isUnderWay else { return nil }
        if isInGuard { return "done" }
        if let following = plan.steps.dropFirst(step + 1).first { return following.words }
        return plan.guardTime.map { "guard \($0.text)" } ?? "all calls"
    }
}

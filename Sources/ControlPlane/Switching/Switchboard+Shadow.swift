import DataPlane
import Logging

/// The copies of a release's shadow step.
extension Switchboard {
    /// Learns what messages look like, before a release begins that compares them.
    ///
    /// - Throws: `ReleaseRefusal` if the plan asks for what can't be done.
    func prepare(_ plan: ReleasePlan, active: Color) async throws(ReleaseRefusal) -> MessageTypes {
        guard plan.steps.contains(where: \.isShadow) else { return .none }
        guard let shadowing else {
            throw .notPossible("a shadow step needs methods that may be copied, which --shadow-methods names")
        }
        do {
            return try await shadowing.types(active)
        } catch {
            throw .notPossible("the types of the messages can't be read: \(error)")
        }
    }

    /// Learns what messages look like for a release that another process has begun. Without it, fields are compared by
    /// their numbers.
    package func prepareAgain() async {
        let state = state
        guard let release = state.release, messageTypes == nil,
            release.plan.steps.dropFirst(release.step).contains(where: \.isShadow)
        else { return }
        do {
            messageTypes = try await prepare(release.plan, active: release.from)
        } catch {
            logger.error("answers are compared without types", metadata: ["cause": "\(error)"])
            messageTypes = MessageTypes(descriptors: MessageTypes.none.descriptors, source: "none, as \(error)")
        }
    }

    /// Returns once what was copied by now has been compared, or after a tenth of a second: for the last look at a shadow
    /// step that somebody ends. Nothing that goes back waits for it.
    func comparisonsCatchUp() async {
        guard let shadowing, state.release?.currentStep?.isShadow == true else { return }
        // A worker that reports hands over what its copies have come to.
        _ = await traffic.ownReport()
        await shadowing.comparer.catchUp(within: .milliseconds(100))
    }

    /// Takes what the comparisons of the current step have found by now.
    func takeComparisons(_ release: inout Release) {
        guard let found = shadowing?.comparer.comparisons(of: state.epoch) else { return }
        release.take(found, types: messageTypes?.source)
    }

    /// Returns once every worker has heard of the end of a shadow step: no copy of it begins any more.
    func copiesHaveEnded() async {
        guard endsCopies else { return }
        endsCopies = false
        // A report passes each worker after what was published before.
        _ = await traffic.ownReport()
    }

    /// Has the workers copy what the step of the release under way asks for, and nothing if there is none.
    func copyCalls(_ state: SwitchState) {
        guard let shadowing else { return }
        guard !isHandedOver, let release = state.release, let step = release.currentStep, step.isShadow else {
            if copiedEpoch == nil { return }
            copiedEpoch = nil
            endsCopies = true
            traffic.publish(shadow: nil)
            return shadowing.comparer.end()
        }
        guard copiedEpoch != state.epoch, let messageTypes else { return }
        if copiedEpoch != nil { endsCopies = true }
        copiedEpoch = state.epoch
        let plan = release.plan.comparison ?? ComparisonPlan()
        shadowing.comparer.begin(
            ShadowComparer.Step(
                epoch: state.epoch, settings: plan.settings(reveals: shadowing.reveals),
                earlier: release.records.last?.comparisons), messageTypes.descriptors)
        traffic.publish(shadow: ShadowRule(epoch: state.epoch, share: step.copied, noise: plan.noiseShare))
    }
}

import DataPlane
import Ground
import Logging

/// The guard: judging the new color, at the same time as the old one and after it has got all calls.
extension Switchboard {
    /// Makes a switch, or reports that there is none to make, and judges the new color for some time: as a release without
    /// steps.
    ///
    /// When it returns, every worker has stopped using the old route.
    ///
    /// - Parameter plan: how the new color is judged, and for how long.
    /// - Returns: the receipt, and the release that has begun; `nil` if nothing has changed.
    package func change(
        _ request: ChangeRequest, watching plan: ReleasePlan
    ) async throws(ChangeRefusal) -> (receipt: ChangeReceipt, release: Release?) {
        let evidence = await evidence(for: request)
        let versions = await versions(for: request, evidence)
        let report = await traffic.ownReport()
        let past = await traffic.servedBefore()
        if isHandedOver { throw .handedOver }
        var begun: Release?
        var receipt = try commit(request, evidence, versions) { change in
            var plan = plan
            (plan.to, plan.reason) = (change.to, change.reason)
            var release = Release(
                number: change.epoch, plan: plan, from: change.to.other, forced: change.forced, who: change.who,
                at: change.at, idempotencyKey: nil, secret: random())
            release.bank = bank(past, of: release)
            begun = release
            return release
        }
        if let begun {
            seen = SeenCounts(report, begun)
            lastLook = clock()
            log("began a release", begun)
            releases.open()
        }
        receipt.take(await left(behind: receipt.change))
        return (receipt, begun)
    }

    /// Whether the next look at the release needs to know what the active color has served in the minutes before.
    package nonisolated var needsPast: Bool { state.release?.givesAllSoon == true }

    /// What the old color of a release has served, as it is kept with the release.
    func bank(_ past: StepStatistics, of release: Release) -> ReleaseBank {
        ReleaseBank(past, by: release.from, keySecret: route.keySecret, earlier: release.bank)
    }

    /// A state with what the judge of its release has gathered, to be saved or handed over.
    func withEvidence(_ state: SwitchState) -> SwitchState {
        guard var release = state.release, let judge, judge.number == release.number else { return state }
        let evidence = judge.judge.evidence
        release.evidence = evidence?.epoch == state.epoch ? evidence : nil
        return state.updating(release, isStep: false)
    }

    /// Judges the new color by what the calls of the step have come to.
    func judge(_ statistics: StepStatistics, _ release: inout Release) -> Release.Breach? {
        if judge?.number != release.number {
            judge = (release.number, ReleaseJudge(release, epoch: state.epoch, stickyKey: stickyKey))
        }
        guard let look = judge?.judge.look(statistics, release, epoch: state.epoch) else { return nil }
        if look.isNewStage { release.judgementBegins() }
        release.judged(look.strongest, keys: look.keys, sides: look.sides)
        return look.breach
    }
}

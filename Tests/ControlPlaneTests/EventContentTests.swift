import ControlPlane
import DataPlane
import Ground
import Testing

/// What events are called.
@Suite struct EventContentTests {
    private func type(
        _ action: AuditEntry.Action, _ outcome: AuditEntry.Outcome = .changed, who: String = "someone"
    ) -> String? {
        let entry = AuditEntry(
            time: Timestamp(milliseconds: 0), epoch: 1, action: action, from: .blue, to: .green, outcome: outcome,
            forced: false, reason: nil, who: who)
        return EventContent.entry(entry, auditError: nil).type
    }

    @Test(arguments: [
        (AuditEntry.Action.initial, "initial"), (.switch, "switch"), (.rollback, "rollback"),
        (.cancelDrain, "drain_cancelled"), (.release, "release_begun"), (.promoteRelease, "release_step"),
        (.pauseRelease, "release_paused"), (.resumeRelease, "release_resumed"), (.abortRelease, "release_aborted"),
        (.endRelease, "release_ended"), (.guardRelease, "release_guard"),
    ])
    func namesChanges(action: AuditEntry.Action, name: String) {
        #expect(type(action) == name)
        #expect(type(action, .refused) == "refusal")
        #expect(type(action, .unchanged) == nil)
        #expect(type(action, who: "guard") == "breach")
        #expect(type(action, .refused, who: "guard") == "refusal")
    }

    /// A release without steps is over when it begins.
    @Test func namesAReleaseWithoutSteps() throws {
        let plan = try ReleasePlan(json: Array("{}".utf8), active: .blue)
        let release = Release(
            number: 2, plan: plan, from: .blue, forced: false, who: "someone", at: Timestamp(milliseconds: 0),
            idempotencyKey: nil, secret: ShareSecret(0, 0))
        let entry = AuditEntry(release, .release, epoch: 2, at: Timestamp(milliseconds: 0), who: "someone")
        #expect(EventContent.entry(entry, auditError: nil).type == "release_ended")
    }

    @Test func namesFailovers() {
        let turn = FailoverWatch.Turn(
            hasBegun: true, active: .blue, to: .green, since: Timestamp(milliseconds: 0), at: Timestamp(milliseconds: 1)
        )
        #expect(EventContent.failover(turn).type == "failover_begun")
        #expect(EventContent.failover(turn).time == turn.at)
        var end = turn
        end.hasBegun = false
        #expect(EventContent.failover(end).type == "failover_ended")
    }
}

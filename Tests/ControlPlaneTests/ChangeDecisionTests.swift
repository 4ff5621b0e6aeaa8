import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct ChangeDecisionTests {
    private static let now = Timestamp(milliseconds: 5_000_000)
    private let initial = SwitchState(initial: .blue, at: Timestamp(milliseconds: 1_000_000))

    private func health(blue: HealthState = .healthy, green: HealthState = .healthy) -> PerColor<ColorHealth> {
        PerColor(blue: .sample(.blue, blue), green: .sample(.green, green))
    }

    private func decide(
        _ request: ChangeRequest, _ state: SwitchState? = nil, _ health: PerColor<ColorHealth>? = nil
    ) -> ChangeDecision {
        .decide(request, state: state ?? initial, health: health ?? self.health(), at: Self.now)
    }

    /// The state after one switch to green.
    private var switched: SwitchState {
        guard case .change(let change) = decide(ChangeRequest(.toggle, who: "someone")) else { return initial }
        return initial.adding(change)
    }

    @Test func togglesToTheOtherColor() {
        let request = ChangeRequest(.toggle, reason: "release", who: "someone")
        #expect(
            decide(request)
                == .change(
                    Change(
                        epoch: 2, action: .switch, from: .blue, to: .green, at: Self.now, forced: false,
                        reason: "release", who: "someone")))
    }

    @Test func switchesToANamedColor() {
        guard case .change(let change) = decide(ChangeRequest(.switchTo(.green), who: "someone")) else {
            Issue.record("no change")
            return
        }
        #expect(change.to == .green)
        #expect(decide(ChangeRequest(.switchTo(.blue), who: "someone")) == .unchanged)
    }

    @Test func theActiveColorStaysEvenIfItIsUnhealthy() {
        #expect(
            decide(ChangeRequest(.switchTo(.blue), who: "someone"), nil, health(blue: .unhealthy)) == .unchanged)
    }

    @Test(arguments: [HealthState.unhealthy, .unknown])
    func refusesAColorThatIsNotHealthy(state: HealthState) {
        let evidence = health(green: state)
        #expect(
            decide(ChangeRequest(.toggle, who: "someone"), nil, evidence)
                == .refused(.targetNotHealthy(evidence.green)))
    }

    @Test func forceOverridesHealthAndIsRecorded() {
        let request = ChangeRequest(.toggle, force: true, reason: "blue is on fire", who: "someone")
        guard case .change(let change) = decide(request, nil, health(green: .unhealthy)) else {
            Issue.record("no change")
            return
        }
        #expect(change.forced)
        #expect(change.reason == "blue is on fire")
    }

    @Test func theConditionComesFirst() {
        let stale = ChangeRequest.Condition.epochs([7, 9])
        #expect(
            decide(ChangeRequest(.switchTo(.blue), condition: stale, who: "someone"))
                == .refused(.epochMismatch(actual: 1)))
        #expect(
            decide(ChangeRequest(.rollback, force: true, condition: stale, who: "someone"))
                == .refused(.epochMismatch(actual: 1)))
        #expect(
            decide(ChangeRequest(.switchTo(.blue), condition: .epochs([1, 9]), who: "someone")) == .unchanged)
    }

    private func versions(_ color: Color, _ words: EndpointVersion.Word...) -> ColorVersions {
        ColorVersions(
            color: color,
            endpoints: words.enumerated().map {
                EndpointVersion(Endpoint(host: "127.0.0.1", port: UInt16(50052 + $0.offset)), $0.element)
            })
    }

    private func decide(
        expecting text: String, to color: Color = .green, force: Bool = false, _ found: ColorVersions?,
        _ health: PerColor<ColorHealth>? = nil
    ) -> ChangeDecision {
        let request = ChangeRequest(.switchTo(color), force: force, expect: ExpectedVersion(text), who: "someone")
        return .decide(request, state: initial, health: health ?? self.health(), versions: found, at: Self.now)
    }

    @Test func everyEndpointHasToSayTheVersion() {
        let (old, new) = (EndpointVersion.Word.says(["v1"], by: "a"), EndpointVersion.Word.says(["v2"], by: "a"))
        let silent = EndpointVersion.Word.silent([])
        if case .change = decide(expecting: "v2", versions(.green, new, new)) {} else { Issue.record("no change") }
        if case .change = decide(expecting: "m@2", versions(.green, .says(["1", "2"], by: "a"))) {
        } else {
            Issue.record("no change")
        }
        for found in [versions(.green, old), versions(.green, new, old), versions(.green, new, silent)] {
            for force in [false, true] {
                #expect(
                    decide(expecting: "v2", force: force, found)
                        == .refused(.versionMismatch(VersionMismatch(expected: ExpectedVersion("v2")!, found: found))))
            }
        }
    }

    @Test func whatWasNotAskedIsNoEvidence() {
        let none = VersionMismatch(
            expected: ExpectedVersion("v2")!, found: ColorVersions(color: .green, endpoints: []))
        #expect(decide(expecting: "v2", nil) == .refused(.versionMismatch(none)))
        #expect(
            decide(expecting: "v2", versions(.blue, .says(["v2"], by: "a"))) == .refused(.versionMismatch(none)))
        #expect(
            none.description == "green is not the expected v2: it was not asked, as another change came in between")
    }

    @Test func theActiveColorHasToSayTheVersionToo() {
        #expect(decide(expecting: "v2", to: .blue, versions(.blue, .says(["v2"], by: "a"))) == .unchanged)
        let found = versions(.blue, .says(["v1"], by: "a"))
        #expect(
            decide(expecting: "v2", to: .blue, found)
                == .refused(.versionMismatch(VersionMismatch(expected: ExpectedVersion("v2")!, found: found))))
    }

    @Test func healthComesBeforeTheVersion() {
        let evidence = health(green: .unhealthy)
        #expect(decide(expecting: "v2", nil, evidence) == .refused(.targetNotHealthy(evidence.green)))
    }

    @Test func rollsBackToTheColorBefore() {
        guard case .change(let change) = decide(ChangeRequest(.rollback, who: "someone"), switched) else {
            Issue.record("no change")
            return
        }
        #expect(change.action == .rollback)
        #expect(change.epoch == 3)
        #expect(change.from == .green)
        #expect(change.to == .blue)
    }

    @Test func rollbackNeedsAnEarlierChange() {
        #expect(decide(ChangeRequest(.rollback, who: "someone")) == .refused(.nothingToRollBackTo))
        #expect(decide(ChangeRequest(.rollback, force: true, who: "someone")) == .refused(.nothingToRollBackTo))
    }

    @Test func aRollbackLooksAtHealthToo() {
        let evidence = health(blue: .unhealthy)
        #expect(
            decide(ChangeRequest(.rollback, who: "someone"), switched, evidence)
                == .refused(.targetNotHealthy(evidence.blue)))
    }

    @Test func oneHealthyEndpointMakesAColorHealthy() {
        var evidence = health(green: .unhealthy)
        evidence.green.endpoints += ColorHealth.sample(.green, .healthy).endpoints
        guard case .change = decide(ChangeRequest(.toggle, who: "someone"), nil, evidence) else {
            Issue.record("no change")
            return
        }
    }
}

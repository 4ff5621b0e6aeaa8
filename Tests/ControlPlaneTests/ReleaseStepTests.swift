import ControlPlane
import DataPlane
import Testing

@Suite struct ReleaseStepTests {
    private typealias Step = ReleasePlan.Step

    @Test func isReadAsItWasWritten() throws {
        for kind in [Step.Kind.canary(Share(parts: 500)), .shadow(Share(parts: 10_000))] {
            let step = Step(kind, time: .seconds(30))
            #expect(try JSONCoding.decode(Step.self, from: JSONCoding.line(step)) == step)
        }
    }

    /// State files from before there were shadow steps.
    @Test func readsAStepOfAnEarlierVersion() throws {
        let json = Array(#"{"canary":500,"milliseconds":60000}"#.utf8)
        #expect(
            try JSONCoding.decode(Step.self, from: json) == Step(canary: Share(parts: 500), time: .seconds(60)))
    }

    @Test func hasAShareOfOneKind() {
        let (canary, shadow) = (
            Step(canary: Share(parts: 500), time: .seconds(1)), Step(.shadow(Share(parts: 700)), time: .seconds(1))
        )
        #expect(canary.share == Share(parts: 500) && canary.copied == .none && !canary.isShadow)
        #expect(shadow.share == .none && shadow.copied == Share(parts: 700) && shadow.isShadow)
        #expect(canary.words == "canary 5%" && shadow.words == "shadow 7%")
    }
}

import Analysis
import Comparison
import ControlPlane
import DataPlane
import Ground
import Synchronization
import Testing
import TestSupport

/// Releases with shadow steps.
@Suite struct SwitchboardShadowTests {
    private let comparer: ShadowComparer

    init() throws {
        comparer = try ShadowComparer()
    }

    private func bench(
        types: @escaping @Sendable (Color) async throws(MessageTypes.Failure) -> MessageTypes = { _ in .none }
    ) throws -> SwitchboardBench {
        try SwitchboardBench(shadowing: Shadowing(comparer: comparer, reveals: false, types: types))
    }

    private func plan(minCalls: Int = 0, minAgreement: Double? = nil) -> ReleasePlan {
        var plan = ReleasePlan(
            to: .green,
            steps: [
                ReleasePlan.Step(.shadow(Share(parts: 1_000)), time: .seconds(60)),
                ReleasePlan.Step(canary: Share(parts: 500), time: .seconds(60)),
            ], minCalls: minCalls)
        plan.minAgreement = minAgreement
        return plan
    }

    private func begin(_ bench: SwitchboardBench, _ plan: ReleasePlan) async throws -> Release {
        try await bench.switchboard.begin(ReleaseRequest(plan, who: "someone")).release
    }

    private func look(_ bench: SwitchboardBench) async {
        _ = await bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health())
    }

    private func rule(epoch: UInt64) -> ShadowRule {
        ShadowRule(epoch: epoch, share: Share(parts: 1_000), noise: Share(parts: 1_000))
    }

    private func copied(_ count: Int, agreeing: Int, epoch: UInt64) -> [CopyOutcome] {
        (0..<count).map { number in
            func answer(_ value: UInt8) -> CopiedCall.Answer {
                CopiedCall.Answer(status: 0, body: [0, 0, 0, 0, 2, 8, value], nanoseconds: 1)
            }
            return .differed([
                CopiedCall(
                    epoch: epoch, method: "/a.B/C", source: .otherColor, active: answer(1),
                    other: answer(number < agreeing ? 1 : 2))
            ])
        }
    }

    @Test func copiesWhileTheStepLastsAndNoLonger() async throws {
        let bench = try bench()
        let release = try await begin(bench, plan())
        // No call goes to the new color.
        #expect(bench.route.load() == Route(epoch: 2, active: .blue) && release.share == .none)
        #expect(bench.traffic.shadows == [rule(epoch: 2)])
        _ = try await bench.switchboard.steer(.promote, reason: nil, who: "someone")
        #expect(bench.route.load() == Route(epoch: 3, active: .blue, share: Share(parts: 500)))
        #expect(bench.traffic.shadows == [rule(epoch: 2), nil])
        _ = try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
        #expect(bench.traffic.shadows == [rule(epoch: 2), nil])
    }

    @Test func aReturnEndsTheCopies() async throws {
        let bench = try bench()
        _ = try await begin(bench, plan())
        _ = try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
        #expect(bench.traffic.shadows == [rule(epoch: 2), nil] && comparer.comparisons(of: 2) == nil)
    }

    @Test func isRefusedWithoutMethods() async throws {
        let bench = try SwitchboardBench()
        await #expect(throws: ReleaseRefusal.self) { try await self.begin(bench, self.plan()) }
        #expect(bench.auditLines.last?.contains("--shadow-methods") == true && bench.traffic.shadows.isEmpty)
        #expect(bench.route.load().epoch == 1)
    }

    @Test func isRefusedIfTheTypesCannotBeRead() async throws {
        let bench = try bench { _ throws(MessageTypes.Failure) in
            throw MessageTypes.Failure(description: "model.binpb: no such file")
        }
        await #expect(
            throws: ReleaseRefusal.notPossible("the types of the messages can't be read: model.binpb: no such file")
        ) {
            try await self.begin(bench, self.plan())
        }
    }

    @Test func keepsWhatWasFoundWithTheStep() async throws {
        let bench = try bench()
        _ = try await begin(bench, plan())
        comparer.take(copied(30, agreeing: 29, epoch: 2))
        let comparer = comparer
        #expect(await eventually { comparer.comparisons(of: 2)?.agreement().compared == 30 })
        await look(bench)
        let record = try #require(bench.switchboard.state.release?.records.first)
        #expect(record.comparisons?.agreement().agreeing == 29 && record.calls(underWay: 0) == 30)
        _ = try await bench.switchboard.steer(.promote, reason: nil, who: "someone")
        let saved = try #require(try bench.store.load()?.release)
        #expect(saved.records.first?.comparisons == record.comparisons)
        // The next release is of more interest.
        _ = try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
        _ = try await begin(bench, plan())
        #expect(bench.switchboard.state.releases.map { $0.records.first?.comparisons == nil } == [true, true])
    }

    @Test func goesBackIfTooManyAnswersDiffer() async throws {
        let bench = try bench()
        _ = try await begin(bench, plan(minAgreement: 0.9))
        comparer.take(copied(100, agreeing: 50, epoch: 2))
        let comparer = comparer
        #expect(await eventually { comparer.comparisons(of: 2)?.agreement().compared == 100 })
        await look(bench)
        let release = try #require(bench.switchboard.state.releases.first)
        let breach = try #require(release.breach)
        #expect(breach.signal == "min_agreement" && (breach.newCalls, breach.newFailures) == (100, 50))
        #expect(breach.probability <= 0.001 && breach.text == "min_agreement: 50 of 100 answers differ")
        #expect(bench.route.load() == Route(epoch: 3, active: .blue) && !release.isUnderWay)
        #expect(bench.traffic.shadows.last == .some(nil))
    }

    @Test func aFewDifferencesAreNoBreach() async throws {
        let bench = try bench()
        _ = try await begin(bench, plan(minAgreement: 0.9))
        comparer.take(copied(100, agreeing: 88, epoch: 2))
        let comparer = comparer
        #expect(await eventually { comparer.comparisons(of: 2)?.agreement().compared == 100 })
        await look(bench)
        #expect(bench.switchboard.state.release != nil)
    }

    @Test func aProcessThatHandsOverCopiesNothing() async throws {
        let bench = try bench()
        _ = try await begin(bench, plan())
        _ = await bench.switchboard.handOver()
        #expect(bench.traffic.shadows == [rule(epoch: 2), nil])
        // The other process has failed to start.
        await bench.switchboard.takeBack()
        await look(bench)
        #expect(bench.traffic.shadows == [rule(epoch: 2), nil, rule(epoch: 2)])
    }
}

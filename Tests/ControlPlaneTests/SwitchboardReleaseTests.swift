import ControlPlane
import DataPlane
import Ground
import Testing
import TestSupport

@Suite struct SwitchboardReleaseTests {
    private let plan = ReleasePlan(
        to: .green, steps: [500, 2_500].map { ReleasePlan.Step(canary: Share(parts: $0), time: .seconds(60)) },
        minCalls: 0)

    private func request(_ plan: ReleasePlan, key: String? = nil) -> ReleaseRequest {
        ReleaseRequest(plan, idempotencyKey: key, who: "someone")
    }

    @Test func storesEachStepAndKeepsOneEntryOfHistory() async throws {
        let bench = try SwitchboardBench()
        let board = bench.switchboard
        let (release, _) = try await board.begin(request(plan))
        #expect(release.number == 2)
        #expect(bench.route.load() == Route(epoch: 2, active: .blue, share: Share(parts: 500)))
        #expect(bench.route.secret == release.secret && release.secret != ShareSecret(0, 0))
        #expect(try bench.store.load() == board.state)
        _ = try await board.steer(.promote, reason: nil, who: "someone")
        #expect(bench.route.load() == Route(epoch: 3, active: .blue, share: Share(parts: 2_500)))
        _ = try await board.steer(.promote, reason: nil, who: "someone")
        #expect(bench.route.load() == Route(epoch: 4, active: .green))
        #expect(board.state.history.map(\.epoch) == [4, 1] && board.state.history[0].action == .release)
        #expect(board.state.release == nil && board.state.releases[0].phase.name == "ended")
        #expect(try bench.store.load() == board.state)
        #expect(bench.auditLines.count == 3)
        #expect(
            bench.auditLines[1].contains(#""action":"release_promote""#)
                && bench.auditLines[1].contains(#""share":"25%""#))
    }

    @Test func aReturnIsOneStore() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        let (release, _) = try await bench.switchboard.steer(.abort, reason: "bad", who: "someone")
        #expect(bench.route.load() == Route(epoch: 3, active: .blue) && release.phase.name == "ended")
        #expect(bench.switchboard.state.history.count == 1 && bench.switchboard.state.epoch == 3)
        // A switch goes on from the epoch of the last step.
        #expect(try await bench.change(.toggle).change.epoch == 4)
        #expect(try bench.store.load() == bench.switchboard.state)
    }

    @Test func aReleaseWithoutStepsIsASwitch() async throws {
        let bench = try SwitchboardBench()
        let (release, _) = try await bench.switchboard.begin(request(ReleasePlan(to: .green, steps: [])))
        #expect(!release.isUnderWay && bench.route.load() == Route(epoch: 3, active: .green))
        #expect(try bench.store.load() == bench.switchboard.state)
    }

    @Test func allowsOneAtATime() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        await #expect(throws: ReleaseRefusal.change(.releaseUnderWay(2))) {
            try await bench.switchboard.begin(self.request(self.plan))
        }
        await #expect(throws: ChangeRefusal.releaseUnderWay(2)) { try await bench.change(.toggle) }
        #expect(bench.route.load().epoch == 2)
    }

    @Test func aRollbackTakesTheReleaseBack() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        let receipt = try await bench.change(.rollback)
        #expect(receipt.change.from == .green && receipt.change.to == .blue && receipt.change.epoch == 3)
        #expect(bench.route.load() == Route(epoch: 3, active: .blue))
    }

    @Test func theSameKeyIsTheSameRelease() async throws {
        let bench = try SwitchboardBench()
        let first = try await bench.switchboard.begin(request(plan, key: "k")).release
        #expect(try await bench.switchboard.begin(request(plan, key: "k")).release == first)
        let other = ReleasePlan(to: .green, steps: [])
        await #expect(throws: ReleaseRefusal.keyIsTaken(by: 2)) {
            try await bench.switchboard.begin(self.request(other, key: "k"))
        }
    }

    @Test func refusesAColorThatIsNotHealthyOrActive() async throws {
        let bench = try SwitchboardBench(health: FakeHealth(green: .unhealthy))
        await #expect(throws: ReleaseRefusal.self) { try await bench.switchboard.begin(self.request(self.plan)) }
        let toBlue = ReleasePlan(to: .blue, steps: plan.steps)
        await #expect(throws: ReleaseRefusal.alreadyActive(.blue)) {
            try await bench.switchboard.begin(self.request(toBlue))
        }
        #expect(bench.route.load() == Route(epoch: 1, active: .blue) && bench.auditLines.count == 2)
    }

    /// A step that can't be saved isn't made; a return is, and is saved as soon as that is possible.
    @Test func onlyAReturnGoesAheadOfTheDisk() async throws {
        let bench = try SwitchboardBench()
        let board = bench.switchboard
        _ = try await board.begin(request(plan))
        let obstacle = TemporaryFolder()
        bench.folder.adopt(obstacle, as: "state.json.tmp")
        await #expect(throws: ReleaseRefusal.self) { try await board.steer(.promote, reason: nil, who: "someone") }
        #expect(bench.route.load().share == Share(parts: 500) && board.state.release?.step == 0)
        let (_, problem) = try await board.steer(.abort, reason: nil, who: "someone")
        #expect(problem?.contains("could not be saved yet") == true && bench.route.load().share == .none)
        #expect(await board.lookAtRelease(TrafficReport(), await bench.health.health()), "there is something to save")
        bench.folder.rename("state.json.tmp", to: "gone")
        #expect(await !board.lookAtRelease(TrafficReport(), await bench.health.health()))
        #expect(try bench.store.load() == board.state)
    }

    @Test func countsTheCallsOfAStep() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        var report = TrafficReport()
        report.colors.green.canary = 5
        report.colors.green.fallenBack = 2
        report.colors.blue.started = 40
        // Calls that asked for their color are in nobody's share.
        report.colors.blue.previewed = 3
        report.colors.blue.named = 4
        _ = await bench.switchboard.lookAtRelease(report, await bench.health.health())
        let record = try #require(bench.switchboard.state.release?.records.first)
        #expect(record.canaryCalls == 5 && record.controlCalls == 33 && record.fallenBack == 2)
    }

    @Test func pausesWhenAColorIsNotHealthy() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        bench.health.set(.green, .unhealthy)
        #expect(await bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health()))
        #expect(bench.switchboard.state.release?.phase == .paused(why: .health))
        #expect(bench.route.load() == Route(epoch: 2, active: .blue, share: Share(parts: 500)))
        #expect(bench.auditLines.last?.contains(#""who":"release""#) == true)
    }

    @Test func aProcessThatHasHandedOverChangesNothing() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        _ = await bench.switchboard.handOver()
        #expect(await !bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health()))
        await #expect(throws: ReleaseRefusal.change(.handedOver)) {
            try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
        }
    }
}

import Analysis
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
        #expect(!release.isUnderWay && bench.route.load() == Route(epoch: 2, active: .green))
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
        #expect(await eventually { await !board.lookAtRelease(TrafficReport(), await bench.health.health()) })
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

    /// As after a start, when nothing has been checked yet.
    @Test func whatIsNotKnownPausesNothing() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        for color in Color.allCases { bench.health.set(color, .unknown) }
        _ = await bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health())
        #expect(bench.switchboard.state.release?.phase == .running)
    }

    /// More calls for a color that is down are as wrong as a switch to it.
    @Test(arguments: [Release.Command.promote, .resume]) func doesNotGoOnToAColorThatIsDown(
        command: Release.Command
    ) async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        _ = try await bench.switchboard.steer(.pause, reason: nil, who: "someone")
        bench.health.set(.green, .unhealthy)
        await #expect(throws: ReleaseRefusal.change(.targetNotHealthy(.sample(.green, .unhealthy)))) {
            try await bench.switchboard.steer(command, reason: nil, who: "someone")
        }
        #expect(bench.route.load().share == Share(parts: 500))
        #expect(bench.auditLines.last?.contains(#""outcome":"refused""#) == true)
        _ = try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
    }

    @Test func followsCommandsOnlyUnderTheEpochThatTheyAreMeantFor() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        await #expect(throws: ReleaseRefusal.change(.epochMismatch(actual: 2))) {
            try await bench.switchboard.steer(.promote, condition: .epochs([1]), reason: nil, who: "someone")
        }
        _ = try await bench.switchboard.steer(.promote, condition: .epochs([2]), reason: nil, who: "someone")
        #expect(bench.route.load().epoch == 3)
    }

    @Test func aTrialOfARollbackSaysWhatItWouldDo() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        let receipt = try await bench.switchboard.trial(ChangeRequest(.rollback, who: "someone"))
        #expect(receipt.outcome == .wouldChange && receipt.change.from == .green && receipt.change.to == .blue)
        #expect(bench.route.load().epoch == 2)
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
        #expect(
            await eventually { await !bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health()) })
        await #expect(throws: ReleaseRefusal.change(.handedOver)) {
            try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
        }
    }

    // MARK: The guard

    /// A step in which the new color fails some of its calls.
    private func statistics(epoch: UInt64, calls: Int, failing: Int, oldFailing: Int = 0) -> StepStatistics {
        var method = StepStatistics.Method()
        (method.colors.green.calls, method.colors.green.failures) = (calls, failing)
        method.colors.green.succeeded = calls - failing
        (method.colors.blue.calls, method.colors.blue.failures) = (9 * calls, oldFailing)
        method.colors.blue.succeeded = 9 * calls - oldFailing
        return StepStatistics(epoch: epoch, methods: ["/model.Service/Predict": method])
    }

    private func look(_ bench: SwitchboardBench, _ statistics: StepStatistics) async {
        _ = await bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health(), statistics)
    }

    @Test func aColorThatIsWorseIsTakenBack() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        await look(bench, statistics(epoch: 2, calls: 100, failing: 0))
        #expect(bench.switchboard.state.release != nil)
        await look(bench, statistics(epoch: 2, calls: 200, failing: 60))
        let ended = try #require(bench.switchboard.state.releases.first)
        #expect(!ended.isUnderWay && ended.breach?.method == "/model.Service/Predict")
        #expect(ended.breach?.newCalls == 200 && ended.breach?.newFailures == 60)
        #expect(bench.route.load() == Route(epoch: 3, active: .blue))
        #expect(bench.auditLines.last?.contains(#""who":"guard""#) == true)
    }

    /// Both colors strike the same trouble.
    @Test func aColorThatIsNoWorseGoesOn() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        for calls in stride(from: 10, through: 1_000, by: 10) {
            await look(bench, statistics(epoch: 2, calls: calls, failing: calls / 10, oldFailing: 9 * calls / 10))
        }
        #expect(bench.switchboard.state.release?.phase == .running)
    }

    /// What an earlier step has counted says nothing of this one.
    @Test func countsOfAnotherStepAreNotJudged() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        _ = try await bench.switchboard.steer(.promote, reason: nil, who: "someone")
        await look(bench, statistics(epoch: 2, calls: 200, failing: 200))
        #expect(bench.switchboard.state.release?.phase == .running)
        await look(bench, statistics(epoch: 3, calls: 200, failing: 200))
        #expect(bench.switchboard.state.release == nil)
    }

    /// Each time that judging begins anew takes a part of the error budget.
    @Test func remembersHowOftenItHasBegunToJudge() async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        await look(bench, statistics(epoch: 2, calls: 1, failing: 0))
        await look(bench, statistics(epoch: 2, calls: 2, failing: 0))
        #expect(bench.switchboard.state.release?.judged == 1)
        _ = try await bench.switchboard.steer(.promote, reason: nil, who: "someone")
        await look(bench, statistics(epoch: 3, calls: 1, failing: 0))
        #expect(bench.switchboard.state.release?.judged == 2)
    }

    /// UNIMPLEMENTED is a fault only where the other color knows the method.
    @Test(arguments: [true, false]) func strangersFailNoRelease(isKnown: Bool) async throws {
        let bench = try SwitchboardBench()
        _ = try await bench.switchboard.begin(request(plan))
        var method = StepStatistics.Method()
        (method.colors.green.calls, method.colors.green.unimplemented) = (200, 200)
        (method.colors.blue.calls, method.colors.blue.succeeded) = (2_000, isKnown ? 2_000 : 0)
        if !isKnown { method.colors.blue.unimplemented = 2_000 }
        await look(bench, StepStatistics(epoch: 2, methods: ["/nobody.Knows/It": method]))
        #expect((bench.switchboard.state.release == nil) == isKnown)
    }

    /// The workers count by the buckets that the analysis takes them for.
    @Test func countsByTheBucketsThatAreJudged() {
        let buckets = LatencyBuckets.standard
        #expect(LatencyRow.bounds.count == buckets.count - 1)
        for (index, bound) in LatencyRow.bounds.enumerated() {
            #expect(abs(Double(bound) / 1e9 / buckets.upperBound(of: index) - 1) < 1e-4)
        }
    }
}

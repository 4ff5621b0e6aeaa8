import ControlPlane
import DataPlane
import Ground
import Logging
import Testing
import TestSupport

/// Switches and releases whose new color is judged after it has got all calls.
@Suite struct SwitchboardGuardTests {
    private static let method = "/model.Service/Predict"

    private func plan(steps: [UInt16] = [], guard seconds: Int64? = 60) -> ReleasePlan {
        var plan = ReleasePlan(
            to: .green, steps: steps.map { ReleasePlan.Step(canary: Share(parts: $0), time: .seconds(60)) },
            minCalls: 0)
        plan.guardMilliseconds = seconds.map { $0 * 1_000 }
        return plan
    }

    private func statistics(
        _ color: Color, epoch: UInt64 = 1, calls: Int, failing: Int, underWay: Int = 0
    ) -> StepStatistics {
        var method = StepStatistics.Method()
        method.colors[color].calls = calls
        method.colors[color].failures = failing
        method.colors[color].succeeded = calls - failing
        method.colors[color].underWay = underWay
        return StepStatistics(epoch: epoch, methods: [Self.method: method])
    }

    /// A board whose blue has served well before.
    private func bench(failing: Int = 10) throws -> SwitchboardBench {
        let bench = try SwitchboardBench()
        bench.traffic.answer(past: statistics(.blue, calls: 10_000, failing: failing))
        return bench
    }

    private func watch(_ bench: SwitchboardBench) async throws -> (receipt: ChangeReceipt, release: Release?) {
        try await bench.switchboard.change(ChangeRequest(.toggle, who: "someone"), watching: plan())
    }

    private func look(_ bench: SwitchboardBench, _ statistics: StepStatistics) async {
        _ = await bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health(), statistics)
    }

    @Test func aSwitchThatIsWatchedIsASwitch() async throws {
        let bench = try bench()
        let (receipt, release) = try await watch(bench)
        let state = bench.switchboard.state
        #expect(receipt.outcome == .changed && receipt.change.epoch == 2 && receipt.change.action == .switch)
        #expect(bench.route.load() == Route(epoch: 2, active: .green))
        #expect(release?.number == 2 && state.release?.isInGuard == true && state.active == .green)
        #expect(state.history.map(\.epoch) == [2, 1])
        #expect(try bench.store.load() == state)
        #expect(bench.auditLines.last?.contains(#""action":"switch""#) == true)
        #expect(bench.auditLines.last?.contains(#""guard":true"#) == true)
        await #expect(throws: ChangeRefusal.releaseUnderWay(2)) { try await bench.change(.toggle) }
    }

    @Test func whatChangesNothingIsNotWatched() async throws {
        let bench = try bench()
        let (receipt, release) = try await bench.switchboard.change(
            ChangeRequest(.switchTo(.blue), who: "someone"), watching: plan())
        #expect(receipt.outcome == .unchanged && release == nil && bench.switchboard.state.releases.isEmpty)
    }

    @Test func aColorThatIsWorseThanTheOneBeforeGoesBack() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        await look(bench, statistics(.green, epoch: 2, calls: 100, failing: 0))
        #expect(bench.switchboard.state.release != nil)
        await look(bench, statistics(.green, epoch: 2, calls: 150, failing: 50))
        let state = bench.switchboard.state
        let ended = try #require(state.releases.first)
        #expect(!ended.isUnderWay && ended.bank == nil)
        #expect(ended.breach?.basis == "calls before" && ended.breach?.oldCalls == 10_000)
        #expect(bench.route.load() == Route(epoch: 3, active: .blue) && state.active == .blue)
        #expect(state.history.map(\.action) == [.rollback, .switch, .initial] && state.history[0].who == "guard")
        let line = try #require(bench.auditLines.last)
        #expect(line.contains(#""who":"guard""#) && line.contains(#""action":"release_abort""#))
        #expect(line.contains(#""from":"green""#) && line.contains(#""to":"blue""#))
        // A return goes ahead of a slow disk.
        #expect(await eventually { (try? bench.store.load()) == state })
    }

    @Test func aColorThatIsNoWorseStays() async throws {
        let bench = try bench(failing: 1_000)
        _ = try await watch(bench)
        for calls in stride(from: 10, through: 2_000, by: 10) {
            await look(bench, statistics(.green, epoch: 2, calls: calls, failing: calls / 10))
        }
        #expect(bench.switchboard.state.release?.phase == .running)
        _ = try await bench.switchboard.steer(.promote, reason: nil, who: "someone")
        #expect(bench.switchboard.state.release == nil && bench.route.load() == Route(epoch: 2, active: .green))
        #expect(bench.auditLines.last?.contains(#""action":"release_promote""#) == true)
        #expect(bench.switchboard.state.history.count == 2)
    }

    /// Failures come sooner than answers: the first calls to end are no sample.
    @Test(arguments: [0, 500]) func callsUnderWayCountAsGood(underWay: Int) async throws {
        let bench = try bench(failing: 100)
        _ = try await watch(bench)
        await look(bench, statistics(.green, epoch: 2, calls: 6, failing: 6, underWay: underWay))
        #expect((bench.switchboard.state.release == nil) == (underWay == 0))
    }

    @Test func theStepsOfAReleaseComeFirst() async throws {
        let bench = try SwitchboardBench()
        let board = bench.switchboard
        _ = try await board.begin(ReleaseRequest(plan(steps: [500]), who: "someone"))
        #expect(board.state.release?.bank == nil)
        bench.traffic.answer(past: statistics(.blue, epoch: 2, calls: 5_000, failing: 5))
        _ = try await board.steer(.promote, reason: nil, who: "someone")
        #expect(bench.route.load() == Route(epoch: 3, active: .green) && board.state.active == .green)
        #expect(board.state.history.map(\.action) == [.release, .initial])
        #expect(board.state.release?.bank?.methods[Self.method]?.served.calls == 5_000)
        await look(bench, statistics(.green, epoch: 3, calls: 20, failing: 20))
        #expect(bench.route.load() == Route(epoch: 4, active: .blue))
        #expect(board.state.history.map(\.epoch) == [4, 3, 1])
    }

    /// All calls are on the new color then, too.
    @Test func aStepOfAllCallsIsJudgedLikeTheGuard() async throws {
        let bench = try bench()
        let board = bench.switchboard
        _ = try await board.begin(ReleaseRequest(plan(steps: [10_000]), who: "someone"))
        let bank = try #require(board.state.release?.bank)
        // What comes afterwards isn't the old color's past.
        bench.traffic.answer(past: StepStatistics())
        _ = try await board.steer(.promote, reason: nil, who: "someone")
        #expect(board.state.release?.isInGuard == true && board.state.release?.bank == bank)
    }

    @Test func theLookBeforeTheGuardAsksForThePast() async throws {
        let bench = try bench()
        let board = bench.switchboard
        _ = try await board.begin(ReleaseRequest(plan(steps: [500]), who: "someone"))
        #expect(!board.needsPast)
        _ = try await board.steer(.promote, reason: nil, who: "someone")
        #expect(!board.needsPast, "it has it")
    }

    @Test func abortAndRollbackGoBackInTheGuard() async throws {
        for isRollback in [true, false] {
            let bench = try bench()
            _ = try await watch(bench)
            bench.health.set(.blue, .unhealthy)
            if isRollback {
                await #expect(throws: ChangeRefusal.self) { try await bench.change(.rollback) }
                bench.health.set(.blue, .healthy)
                let receipt = try await bench.change(.rollback)
                #expect(receipt.change.from == .green && receipt.change.to == .blue && receipt.change.epoch == 3)
                #expect(receipt.health.color == .blue)
            } else {
                await #expect(throws: ReleaseRefusal.self) {
                    try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
                }
                bench.health.set(.blue, .healthy)
                _ = try await bench.switchboard.steer(.abort, reason: nil, who: "someone")
            }
            #expect(bench.route.load() == Route(epoch: 3, active: .blue))
            #expect(bench.switchboard.state.releases[0].phase.name == "ended")
            #expect(try bench.store.load() == bench.switchboard.state)
        }
    }

    /// A return waits for no disk.
    @Test func goesBackThoughNothingCanBeSaved() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        let obstacle = TemporaryFolder()
        bench.folder.adopt(obstacle, as: "state.json.tmp")
        await look(bench, statistics(.green, epoch: 2, calls: 50, failing: 50))
        #expect(bench.route.load() == Route(epoch: 3, active: .blue))
        bench.folder.rename("state.json.tmp", to: "gone")
        #expect(
            await eventually { await !bench.switchboard.lookAtRelease(TrafficReport(), await bench.health.health()) })
        #expect(try bench.store.load() == bench.switchboard.state)
    }

    @Test func countsTheCallsOfTheGuard() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        var report = TrafficReport()
        report.colors.green.started = 30
        report.colors.green.previewed = 2
        report.colors.green.named = 3
        report.colors.blue.started = 10
        _ = await bench.switchboard.lookAtRelease(report, await bench.health.health())
        let record = try #require(bench.switchboard.state.release?.records.first)
        #expect(record.canaryCalls == 25 && record.controlCalls == 0)
    }

    /// What was served before can't be counted again.
    @Test func theBankIsKept() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        let saved = try bench.store.load()
        #expect(saved?.release?.bank?.methods[Self.method]?.served.calls == 10_000)
        let word = try RouteWord(Route(epoch: 1, active: .blue))
        #expect(word.keySecret != bench.route.keySecret)
        saved?.putInForce(word)
        #expect(word.keySecret == bench.route.keySecret)
    }

    // MARK: What counts

    /// At the same time chance gives both colors the same deadlines; afterwards callers may have set others.
    @Test(arguments: [true, false]) func deadlinesCountAtTheSameTime(isAtTheSameTime: Bool) async throws {
        let bench = try bench()
        let steps: [UInt16] = isAtTheSameTime ? [1_000] : []
        _ = try await bench.switchboard.begin(ReleaseRequest(plan(steps: steps), who: "someone"))
        var seen = statistics(.green, epoch: 2, calls: 50, failing: 0)
        seen.methods[Self.method]?.colors.green.late = 50
        if isAtTheSameTime { seen.methods[Self.method]?.colors.blue.succeeded = 900 }
        if isAtTheSameTime { seen.methods[Self.method]?.colors.blue.calls = 900 }
        await look(bench, seen)
        #expect((bench.switchboard.state.release == nil) == isAtTheSameTime)
    }

    @Test(arguments: [true, false]) func resourceExhaustedCountsIfAskedFor(isAskedFor: Bool) async throws {
        let bench = try bench()
        var plan = plan()
        plan.judgesExhausted = isAskedFor ? true : nil
        _ = try await bench.switchboard.begin(ReleaseRequest(plan, who: "someone"))
        var seen = statistics(.green, epoch: 2, calls: 50, failing: 0)
        seen.methods[Self.method]?.colors.green.exhausted = 50
        await look(bench, seen)
        #expect((bench.switchboard.state.release == nil) == isAskedFor)
    }

    /// They need nothing to be compared with.
    @Test func limitsHoldInTheGuard() async throws {
        let bench = try SwitchboardBench()
        var plan = plan()
        plan.maxErrorShare = 0.05
        _ = try await bench.switchboard.begin(ReleaseRequest(plan, who: "someone"))
        await look(bench, statistics(.green, epoch: 2, calls: 100, failing: 40))
        #expect(bench.switchboard.state.releases.first?.breach?.basis == "limit")
        #expect(bench.route.load() == Route(epoch: 3, active: .blue))
    }

    // MARK: Another process

    /// The switchboard of a process that goes on from a state.
    private func next(_ bench: SwitchboardBench, _ state: SwitchState) throws -> Switchboard {
        let word = try RouteWord(state.routeWithoutShare)
        state.putInForce(word)
        return Switchboard(
            state: state, store: bench.store, audit: try AuditLog(path: bench.folder.file("audit.log")), route: word,
            traffic: bench.traffic, health: bench.health, versions: bench.versions, drainer: bench.drainer,
            failover: bench.failover,
            now: { Timestamp(milliseconds: 2_000_000) }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Three failures are too few, whichever process has seen them; six are not.
    @Test func theEvidenceGoesOnInAnotherProcess() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        await look(bench, statistics(.green, epoch: 2, calls: 3, failing: 3))
        #expect(bench.switchboard.state.release?.phase == .running)
        let handedOver = await bench.switchboard.handOver()
        try bench.store.save(handedOver)
        let saved = try #require(try bench.store.load())
        #expect(saved == handedOver && saved.release?.evidence != nil)
        let board = try next(bench, saved)
        _ = await board.lookAtRelease(TrafficReport(), await bench.health.health(), StepStatistics())
        #expect(board.state.release?.judged == 1, "no stage begins")
        _ = await board.lookAtRelease(
            TrafficReport(), await bench.health.health(), statistics(.green, epoch: 2, calls: 3, failing: 3))
        let ended = try #require(board.state.releases.first)
        #expect(ended.breach?.newCalls == 6 && ended.breach?.newFailures == 6 && ended.evidence == nil)
    }

    /// The stage has used its part of the error budget once it has begun, whether or not a worker has reported by then.
    @Test func aStageThatHasBegunBeginsNoSecondTime() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        await look(bench, statistics(.blue, epoch: 1, calls: 3, failing: 0))
        #expect(bench.switchboard.state.release?.judged == 1)
        let board = try next(bench, await bench.switchboard.handOver())
        _ = await board.lookAtRelease(
            TrafficReport(), await bench.health.health(), statistics(.green, epoch: 2, calls: 1, failing: 0))
        #expect(board.state.release?.judged == 1)
    }

    /// It is written every two seconds.
    @Test func tooMuchEvidenceIsNotKept() async throws {
        let bench = try bench()
        _ = try await watch(bench)
        var many = statistics(.green, epoch: 2, calls: 3, failing: 3)
        let method = try #require(many.methods.values.first)
        many.add(
            StepStatistics(epoch: 2, methods: Dictionary(uniqueKeysWithValues: (0..<50).map { ("/\($0)", method) })))
        await look(bench, many)
        let state = await bench.switchboard.handOver()
        #expect(state.release?.evidence == nil && state.release?.bank != nil)
        let board = try next(bench, state)
        _ = await board.lookAtRelease(
            TrafficReport(), await bench.health.health(), statistics(.green, epoch: 2, calls: 3, failing: 3))
        #expect(board.state.release?.judged == 2 && board.state.release?.phase == .running)
    }

    /// Evidence of another step is none.
    @Test func theNextStepBeginsWithout() async throws {
        let bench = try SwitchboardBench()
        let board = bench.switchboard
        _ = try await board.begin(ReleaseRequest(plan(steps: [500]), who: "someone"))
        await look(bench, statistics(.green, epoch: 2, calls: 3, failing: 3))
        _ = try await board.steer(.promote, reason: nil, who: "someone")
        #expect(try bench.store.load()?.release?.evidence == nil)
    }
}

import Connections
import CNghttp2
import DataPlane
import EventLoop
import Testing

@Suite struct RouterTests {
    private func healthy(_ blue: [Bool], _ green: [Bool]) -> PerColor<[Bool]> { PerColor(blue: blue, green: green) }

    private func totals(_ stage: WorkerStage) -> PerColor<TrafficReport.ColorTotals> { stage.worker.report().colors }

    /// A call's color is decided when the call begins, however long the call then waits.
    @Test func aCallStaysWithTheColorThatItBeganOn() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        let early = stage.call(client)
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .green))
        let late = stage.call(client)
        stage.settle()
        #expect(stage.attempts.map(\.port) == [1_000, 2_000])
        let (blue, green) = (stage.accept(), stage.accept())
        stage.settle()
        #expect(early.attempts.count == 1 && late.attempts.count == 1)
        #expect(early.attempts.first?.color == .blue && late.attempts.first?.color == .green)
        #expect(blue.isOpen && green.isOpen && early.grpcStatus == 0 && late.grpcStatus == 0)
        #expect(stage.journal.violations == [])
    }

    /// The color stays when the call is placed a second time.
    @Test func aRefusedCallStaysOnItsColor() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let call = stage.call(try stage.client())
        stage.settle()
        let backend = stage.accept()
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .green))
        for attempt in backend.openAttempts { backend.fail(attempt, UInt32(NGHTTP2_REFUSED_STREAM.rawValue)) }
        stage.settle()
        #expect(call.attempts.map(\.color) == [.blue, .blue] && stage.attempts.isEmpty)
        #expect(stage.journal.violations == [])
    }

    @Test(arguments: [false, true]) func leavesAColorThatIsDownOnlyIfAllowed(failover: Bool) throws {
        let stage = try WorkerStage(endpoints: 2, failover: failover)
        // One healthy endpoint of two is enough to stay.
        stage.worker.publish(health: healthy([false, true], [true, true]))
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        #expect(totals(stage).blue.started == 1 && stage.attempts.last?.port == 1_001)
        stage.worker.publish(health: healthy([false, false], [true, true]))
        stage.call(client)
        stage.settle()
        #expect(totals(stage).green.started == (failover ? 1 : 0))
        #expect(totals(stage).green.failedOver == (failover ? 1 : 0) && totals(stage).blue.failedOver == 0)
        // With both colors down, a call is placed on its own.
        stage.worker.publish(health: healthy([false, false], [false, false]))
        stage.call(client)
        stage.settle()
        #expect(totals(stage).blue.started == (failover ? 2 : 3))
        #expect(stage.journal.violations == [])
    }

    @Test func changesTheRuleForNewCallsOnly() throws {
        let stage = try WorkerStage()
        stage.worker.publish(health: healthy([false], [true]))
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        stage.worker.publish(limits: DataPlaneLimits(), failover: true)
        stage.call(client)
        stage.settle()
        #expect(totals(stage).blue.started == 1 && totals(stage).green.started == 1)
        #expect(stage.attempts.map(\.port) == [1_000, 2_000])
        #expect(stage.journal.violations == [])
    }

    @Test func endpointsTakeTurns() throws {
        let stage = try WorkerStage(endpoints: 3)
        stage.plan = .hold
        let client = try stage.client()
        for _ in 0..<3 { stage.call(client) }
        stage.settle()
        #expect(stage.attempts.map(\.port).sorted() == [1_000, 1_001, 1_002])
        let backends = (0..<3).map { _ in stage.accept() }
        stage.settle()
        for _ in 0..<6 { stage.call(client) }
        stage.settle()
        #expect(backends.map(\.openAttempts.count) == [3, 3, 3])
        #expect(stage.journal.violations == [])
    }

    /// Among endpoints without calls, each is next in turn.
    @Test func idleEndpointsTakeTurns() throws {
        let stage = try WorkerStage(endpoints: 3)
        let client = try stage.client()
        var ports: [UInt16] = []
        for _ in 0..<3 {
            let call = stage.call(client)
            stage.settle()
            ports += stage.attempts.map(\.port)
            if !stage.attempts.isEmpty { stage.accept() }
            stage.settle()
            #expect(call.grpcStatus == 0)
        }
        #expect(ports.sorted() == [1_000, 1_001, 1_002])
        #expect(stage.journal.violations == [])
    }

    @Test func passesOverUnhealthyEndpoints() throws {
        let stage = try WorkerStage(endpoints: 3)
        stage.plan = .hold
        stage.worker.publish(health: healthy([false, true, false], [true, true, true]))
        let client = try stage.client()
        for _ in 0..<4 { stage.call(client) }
        stage.settle()
        #expect(stage.attempts.map(\.port) == [1_001])
        #expect(stage.journal.violations == [])
    }

    /// Each endpoint is tried once; then the call fails, even while others succeed.
    @Test func aCallThatReachesNoEndpointFails() throws {
        let stage = try WorkerStage(endpoints: 3)
        stage.refuses = true
        let call = stage.call(try stage.client())
        stage.settle()
        #expect(stage.attemptCount == 3 && call.outcome == .complete && call.grpcStatus == 14)
        #expect(totals(stage).blue.failedByKind[.unreachable] == 1 && totals(stage).blue.failedByKind.total == 1)
        #expect(stage.journal.violations == [])
    }

    /// An endpoint that is healthy again gets a connection before its first call.
    @Test func connectsToAnEndpointThatIsWellAgain() throws {
        let stage = try WorkerStage(endpoints: 2)
        stage.worker.publish(health: healthy([true, false], [false, true]))
        stage.settle()
        #expect(stage.attemptCount == 0)
        stage.worker.publish(health: healthy([true, true], [true, true]))
        stage.settle()
        #expect(stage.attempts.map(\.port) == [1_001, 2_000])
        #expect(stage.journal.violations == [])
    }

    /// From the moment of a switch on, new calls by the preview listener go to the other side, as all do.
    @Test func thePreviewGoesToTheColorThatIsNotActive() throws {
        let stage = try WorkerStage()
        let client = try stage.client(by: .preview)
        let early = stage.call(client)
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .green))
        let late = stage.call(client)
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
        #expect(early.attempts.map(\.color) == [.green] && late.attempts.map(\.color) == [.blue])
        #expect(totals(stage).green.previewed == 1 && totals(stage).blue.previewed == 1)
        #expect(stage.journal.violations == [])
    }

    @Test(arguments: [
        (ColorName.color(.blue), Color.blue), (.color(.green), .green), (.active, .green), (.idle, .blue),
    ]) func aCallGoesWhereItsMetadataSays(name: ColorName, color: Color) throws {
        let stage = try WorkerStage()
        stage.word.store(Route(epoch: 2, active: .green))
        let call = stage.call(try stage.client(), wish: .metadata(name))
        stage.settle()
        stage.accept()
        stage.settle()
        #expect(call.attempts.map(\.color) == [color] && call.grpcStatus == 0)
        #expect(totals(stage)[color].named == 1 && totals(stage)[color.other].named == 0)
        #expect(stage.journal.violations == [])
    }

    /// Whoever asks for a color that is down is to hear that it is.
    @Test func aCallThatAskedForItsColorDoesNotFailOver() throws {
        let stage = try WorkerStage(failover: true)
        stage.worker.publish(health: healthy([true], [false]))
        stage.call(try stage.client(by: .preview))
        stage.call(try stage.client(), wish: .metadata(.color(.green)))
        stage.settle()
        #expect(totals(stage).green.started == 2 && totals(stage).blue.started == 0)
        stage.worker.publish(health: healthy([false], [true]))
        stage.call(try stage.client(), wish: .metadata(.active))
        stage.settle()
        #expect(totals(stage).blue.named == 1 && totals(stage).blue.failedOver == 0)
        #expect(stage.journal.violations == [])
    }

    @Test func theClientIsToldWhoAnswers() throws {
        let stage = try WorkerStage(announces: true)
        stage.word.store(Route(epoch: 7, active: .green))
        let calls = [stage.call(try stage.client()), stage.call(try stage.client(by: .preview))]
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
        #expect(calls.map { $0.announced?.color } == ["green", "blue"])
        #expect(calls.map { $0.announced?.epoch } == ["7", "7"])
        #expect(stage.journal.violations == [])
    }

    /// Backends announce colors in the simulation, too.
    @Test func nobodyIsToldUnlessItIsSetSo() throws {
        let stage = try WorkerStage()
        let call = stage.call(try stage.client())
        stage.settle()
        stage.accept()
        stage.settle()
        #expect(call.grpcStatus == 0 && call.announced == nil)
    }

    // MARK: The share of a release

    /// Stores a share of the calls for green.
    private func give(_ parts: UInt16, _ stage: WorkerStage, epoch: UInt64 = 2) {
        stage.word.set(secret: ShareSecret(1, 2))
        stage.word.store(Route(epoch: epoch, active: .blue, share: Share(parts: parts)))
    }

    /// Makes a call for each of a hundred keys and answers all of them.
    private func colors(_ stage: WorkerStage, _ client: SimulatedClient, keys: Range<Int> = 0..<100) -> [Color?] {
        let calls = keys.map { stage.call(client, size: 0, key: "user \($0)") }
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
        return calls.map { $0.attempts.last?.color }
    }

    @Test func aKeyStaysAndAGrowingShareMovesNobodyBack() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        give(2_000, stage)
        let first = colors(stage, client)
        #expect((5...40).contains(first.count { $0 == .green }))
        #expect(colors(stage, client) == first)
        stage.word.store(Route(epoch: 3, active: .blue, share: Share(parts: 6_000)))
        let second = colors(stage, client)
        #expect(zip(first, second).allSatisfy { $0 == .blue || $1 == .green })
        #expect(second.count { $0 == .green } > first.count { $0 == .green })
        stage.word.store(Route(epoch: 4, active: .blue))
        #expect(colors(stage, client).allSatisfy { $0 == .blue })
        let totals = totals(stage)
        #expect(totals.green.canary == totals.green.started && totals.blue.canary == 0 && totals.green.canary > 0)
        #expect(stage.journal.violations == [])
    }

    @Test func callsWithoutAKeyAreDrawnByLot() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        give(5_000, stage)
        let calls = (0..<100).map { _ in stage.call(client, size: 0) }
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
        #expect((30...70).contains(calls.count { $0.attempts.last?.color == .green }))
    }

    @Test func aClientIsAKey() throws {
        let stage = try WorkerStage(stickyKey: .client)
        give(5_000, stage)
        // All of the stage's clients have one address.
        let found = Set(colors(stage, try stage.client()) + colors(stage, try stage.client()))
        #expect(found.count == 1)
    }

    /// A color that is known to be down gets none of them; each is counted as its failure.
    @Test func callsOfTheShareGoToTheActiveColorIfTheOtherIsDown() throws {
        let stage = try WorkerStage()
        stage.worker.publish(health: healthy([true], [false]))
        give(10_000, stage)
        #expect(colors(stage, try stage.client(), keys: 0..<10).allSatisfy { $0 == .blue })
        #expect(totals(stage).green.fallenBack == 10 && totals(stage).green.started == 0)
        #expect(totals(stage).blue.started == 10 && totals(stage).blue.fallenBack == 0)
        #expect(stage.journal.violations == [])
    }

    /// The health checks haven't noticed yet: the connection can't be made.
    @Test func callsOfTheShareGoToTheActiveColorIfTheOtherCanNotBeReached() throws {
        let stage = try WorkerStage()
        stage.refuses = true
        give(10_000, stage)
        let call = stage.call(try stage.client())
        stage.settle()
        // Blue can't be reached either, so far: the call waits for it, or fails by its name.
        #expect(totals(stage).green.fallenBack == 1 && totals(stage).green.left == 1)
        #expect(totals(stage).blue.started == 1)
        #expect(call.grpcStatus == 14)
        stage.refuses = false
        let next = colors(stage, stage.clients[0], keys: 0..<1)
        #expect(next.count == 1)
        #expect(stage.journal.violations == [])
    }

    @Test func nobodyFallsBackFromAColorThatIsActiveByNow() throws {
        let stage = try WorkerStage()
        give(10_000, stage)
        let call = stage.call(try stage.client())
        stage.settle()
        #expect(stage.attempts.map(\.port) == [2_000])
        stage.word.store(Route(epoch: 3, active: .green))
        stage.refuses = true
        stage.dropAttempts()
        stage.settle()
        #expect(call.grpcStatus == 14 && totals(stage).green.fallenBack == 0 && totals(stage).blue.started == 0)
        #expect(stage.journal.violations == [])
    }
}

import CNghttp2
import DataPlane
import EventLoop
import Testing

@Suite struct ServedCountsTests {
    private typealias Outcome = StepStatistics.Outcome

    private func finish(_ stage: WorkerStage) {
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
    }

    private func sum(_ statistics: StepStatistics, _ color: Color) -> Outcome {
        statistics.methods.values.reduce(into: Outcome()) { $0 += $1.colors[color] }
    }

    private func call(_ stage: WorkerStage, _ client: SimulatedClient, _ count: Int, key: String? = nil) {
        for _ in 0..<count { stage.call(client, size: 0, key: key) }
        finish(stage)
    }

    /// The prefix of a message of 5 bytes: as long as the request's body, and as half of the response's.
    private static let prefix: [UInt8] = [0, 0, 0, 0, 5]

    /// The durations of a call after those that are the endpoint's warm-up, and the times to first byte.
    private func times(
        key: String? = nil, isGRPC: Bool = true, size: Int = 10, answer: Int = 10, _ prefixes: ([UInt8], [UInt8])
    ) throws -> (firstByte: [UInt32], duration: [UInt32]) {
        let stage = try WorkerStage(stickyKey: key == nil ? .none : .metadata(SimulatedClient.stickyMetadata))
        let client = try stage.client()
        stage.call(client, size: 0)
        for _ in 0..<60 { call(stage, client, 1) }
        let before = sum(stage.worker.servedBefore, .blue)
        stage.plan = .answer(size: answer, early: false)
        let last = stage.call(
            client, size: size, isGRPC: isGRPC, key: key, requestPrefix: prefixes.0, responsePrefix: prefixes.1)
        finish(stage)
        #expect(last.outcome == .complete && stage.journal.violations == [])
        let after = sum(stage.worker.servedBefore, .blue)
        let ofKey = stage.worker.servedBefore.methods.values.flatMap(\.keys.values).map(\.outcome.duration)
        #expect(before.duration == [] && (key == nil || ofKey == [after.duration]))
        return (after.firstByte.isEmpty ? [] : [after.firstByte[0] - before.firstByte[0]], after.duration)
    }

    @Test(arguments: [nil, "a user"]) func aUnaryCallsDurationCounts(key: String?) throws {
        let unary = try times(key: key, (Self.prefix, Self.prefix))
        #expect(unary.firstByte == [1] && unary.duration == [1])
    }

    @Test func aStreamsDurationDoesNot() throws {
        #expect(try times(size: 20, (Self.prefix, Self.prefix)).duration == [], "two messages from the client")
        #expect(try times(answer: 20, (Self.prefix, Self.prefix)).duration == [], "two from the server")
        #expect(try times(answer: 9, (Self.prefix, Self.prefix)).duration == [], "a message that is cut short")
        #expect(try times(answer: 0, (Self.prefix, [])).duration == [])
        #expect(try times(size: 0, ([], Self.prefix)).duration == [])
        #expect(try times(isGRPC: false, (Self.prefix, Self.prefix)).duration == [], "what another protocol means")
        #expect(try times(answer: 20, (Self.prefix, Self.prefix)).firstByte == [1])
    }

    /// The first 50 calls of an endpoint are left out of both.
    @Test func theWarmUpIsOfBothTimes() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        for _ in 0..<53 {
            stage.call(client, size: 10, requestPrefix: Self.prefix, responsePrefix: Self.prefix)
            finish(stage)
        }
        let past = sum(stage.worker.servedBefore, .blue)
        #expect(past.firstByte == [3] && past.duration == [3] && past.calls == 53)
    }

    /// Calls that began while their endpoint was cold are slow, however late they end.
    @Test func whatBeganBeforeAnEndpointWasWarmHasNoTimes() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        call(stage, client, 60)
        let cold = sum(stage.worker.servedBefore, .blue)
        #expect(cold.calls == 60 && cold.firstByte == [])
        call(stage, client, 4)
        let past = sum(stage.worker.servedBefore, .blue)
        #expect(past.calls == 64 && past.firstByte.reduce(0, +) == 4)
    }

    @Test func aDurationEndsWithTheResponse() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        for _ in 0..<60 { call(stage, client, 1) }
        let before = sum(stage.worker.servedBefore, .blue).firstByte
        // The head comes at once, the message after 100 ms.
        (stage.plan, stage.answerReady) = (.answer(size: 10, early: true), 0)
        let slow = stage.call(client, size: 10, requestPrefix: Self.prefix, responsePrefix: Self.prefix)
        finish(stage)
        stage.pass(.milliseconds(100))
        stage.backends[0].provide(10, of: try #require(slow.attempts.first))
        stage.settle()
        #expect(slow.outcome == .complete)
        let past = sum(stage.worker.servedBefore, .blue)
        #expect(past.firstByte == [before[0] + 1])
        #expect(past.duration.count == LatencyRow.bucket(of: 100_100_000) + 1 && past.duration.last == 1)
    }

    @Test func countsTheActiveColorsCallsWithoutARelease() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        call(stage, client, 5)
        stage.grpcStatus = 14
        call(stage, client, 2)
        // What asked for its color says nothing of the active one.
        stage.call(client, size: 0, wish: .metadata(.color(.blue)))
        finish(stage)
        let past = sum(stage.worker.servedBefore, .blue)
        #expect((past.calls, past.succeeded, past.failures) == (7, 5, 2))
        #expect(stage.worker.newestStatistics.epoch == 1)
        #expect(sum(stage.worker.newestStatistics, .blue).calls == 7)
        #expect(stage.journal.violations == [])
    }

    /// The color that takes over begins at nothing, and what the other one still answers is not its own.
    @Test func anotherActiveColorBeginsAnew() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        call(stage, client, 4)
        stage.plan = .hold
        stage.call(client, size: 0)
        finish(stage)
        stage.word.store(Route(epoch: 2, active: .green))
        stage.plan = .answer(size: 10, early: false)
        call(stage, client, 3)
        #expect(sum(stage.worker.newestStatistics, .green).calls == 3)
        for backend in stage.backends { backend.cooperate() }
        stage.settle()
        #expect(stage.worker.newestStatistics.epoch == 2)
        #expect(sum(stage.worker.newestStatistics, .blue).calls == 0)
        #expect(sum(stage.worker.servedBefore, .blue).calls == 0)
        #expect(sum(stage.worker.servedBefore, .green).calls == 3)
    }

    /// The steps of a release belong to the minutes before its guard.
    @Test func theControlsCallsAreOfTheMinutesBefore() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        call(stage, client, 10)
        stage.word.set(secret: ShareSecret(1, 2))
        stage.word.store(Route(epoch: 2, active: .blue, share: Share(parts: 5_000)))
        call(stage, client, 40)
        let step = stage.worker.newestStatistics
        #expect(step.epoch == 2 && sum(step, .blue).calls + sum(step, .green).calls == 40)
        #expect(sum(step, .green).calls > 5, "both colors are compared")
        #expect(sum(stage.worker.servedBefore, .blue).calls == 10 + sum(step, .blue).calls)
        #expect(sum(stage.worker.servedBefore, .green).calls == 0)
    }

    @Test func whatIsLongAgoIsForgotten() throws {
        let stage = try WorkerStage(stickyKey: .none)
        stage.pass(.milliseconds(300))
        call(stage, try stage.client(), 6)
        stage.pass(.seconds(8 * 60))
        call(stage, try stage.client(), 3)
        #expect(sum(stage.worker.servedBefore, .blue).calls == 9)
        stage.pass(.seconds(3 * 60))
        #expect(sum(stage.worker.servedBefore, .blue).calls == 3)
        #expect(sum(stage.worker.newestStatistics, .blue).calls == 9, "the epoch goes on")
    }

    @Test func pathsThatStrangersMakeUpTakeNoPlaces() throws {
        let stage = try WorkerStage(stickyKey: .none)
        stage.grpcStatus = 12
        let client = try stage.client()
        call(stage, client, 20)
        #expect(stage.worker.servedBefore.methods.isEmpty)
    }

    @Test func methodsBeyondABoundAreNotToldApart() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        for _ in 0..<6 { call(stage, client, 50) }
        #expect(stage.worker.servedBefore.methods.count == 200)
        #expect(sum(stage.worker.servedBefore, .blue).calls == 200)
    }

    /// The same key before a release and in it, whichever secret assigns it to a share.
    @Test func aKeyIsTheSameBeforeAndAfter() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        func keys(_ statistics: StepStatistics) -> Set<UInt64> {
            Set(statistics.methods.values.flatMap(\.keys.keys))
        }
        for user in 0..<8 { call(stage, client, 2, key: "user \(user)") }
        call(stage, client, 1)
        let past = stage.worker.servedBefore
        #expect(keys(past).count == 8)
        #expect(past.methods.values.reduce(0) { $0 + $1.withoutKey.blue.calls } == 1)
        stage.word.set(secret: ShareSecret(1, 2))
        stage.word.store(Route(epoch: 2, active: .blue, share: Share(parts: 5_000)))
        for user in 0..<8 { call(stage, client, 1, key: "user \(user)") }
        #expect(keys(stage.worker.newestStatistics) == keys(past))
        stage.word.store(Route(epoch: 3, active: .green))
        for user in 0..<8 { call(stage, client, 1, key: "user \(user)") }
        #expect(keys(stage.worker.newestStatistics) == keys(past))
    }

    @Test func aDeadlineThatHasPassedIsNoFailure() throws {
        let stage = try WorkerStage(stickyKey: .none)
        let client = try stage.client()
        call(stage, client, 60)
        stage.plan = .hold
        stage.call(client, size: 0, deadline: "20m")
        finish(stage)
        stage.pass(.seconds(3))
        let past = sum(stage.worker.servedBefore, .blue)
        #expect((past.calls, past.failures) == (60, 0))
    }
}

import CNghttp2
import DataPlane
import EventLoop
import FoundationEssentials
import Testing

@Suite struct StepStatisticsTests {
    private typealias Outcome = StepStatistics.Outcome

    /// A stage in a step that gives green half of the calls.
    private func stage(stickyKey: StickyKey = .none) throws -> WorkerStage {
        let stage = try WorkerStage(stickyKey: stickyKey)
        stage.word.set(secret: ShareSecret(1, 2))
        stage.word.store(Route(epoch: 2, active: .blue, share: Share(parts: 5_000)))
        return stage
    }

    private func finish(_ stage: WorkerStage) {
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
    }

    private func outcomes(_ stage: WorkerStage) -> [(path: String, colors: PerColor<Outcome>)] {
        stage.worker.statistics.methods.map { ($0.key, $0.value.colors) }
    }

    private func calls(_ stage: WorkerStage, _ color: Color) -> Int {
        outcomes(stage).reduce(0) { $0 + $1.colors[color].calls }
    }

    /// What both colors have answered.
    private func sum(_ stage: WorkerStage) -> Outcome {
        outcomes(stage).flatMap { [$0.colors.blue, $0.colors.green] }.reduce(into: Outcome()) { $0 += $1 }
    }

    @Test func countsOnlyWhatChanceHasDecided() throws {
        let stage = try WorkerStage()
        stage.call(try stage.client())
        finish(stage)
        #expect(stage.worker.statistics.methods.isEmpty, "no release is under way")
        let released = try self.stage()
        let client = try released.client()
        for _ in 0..<40 { released.call(client, size: 0) }
        // Calls that ask for their color say nothing of the one by the other.
        let asking = (0..<5).map { _ in released.call(client, size: 0, wish: .metadata(.color(.green))) }
        finish(released)
        #expect(asking.allSatisfy { $0.grpcStatus == 0 })
        #expect(released.worker.statistics.epoch == 2)
        let (blue, green) = (calls(released, .blue), calls(released, .green))
        #expect(blue + green == 40 && blue > 5 && green > 5)
        #expect(outcomes(released).allSatisfy { $0.colors.blue.failures == 0 && $0.colors.green.failures == 0 })
        #expect(released.journal.violations == [])
    }

    @Test func aNewStepBeginsAtZeroAndOldCallsDoNotCount() throws {
        let stage = try stage()
        stage.plan = .hold
        let client = try stage.client()
        stage.call(client)
        finish(stage)
        stage.word.store(Route(epoch: 3, active: .blue, share: Share(parts: 5_000)))
        stage.plan = .answer(size: 10, early: false)
        stage.call(client)
        finish(stage)
        #expect(stage.worker.statistics.epoch == 3 && calls(stage, .blue) + calls(stage, .green) == 1)
        for backend in stage.backends { backend.cooperate() }
        stage.settle()
        #expect(calls(stage, .blue) + calls(stage, .green) == 1)
    }

    @Test func aCallerThatLeavesSaysNothing() throws {
        let stage = try stage()
        stage.plan = .hold
        let client = try stage.client()
        let call = stage.call(client)
        finish(stage)
        client.cancel(call, UInt32(NGHTTP2_CANCEL.rawValue))
        stage.settle()
        #expect(calls(stage, .blue) + calls(stage, .green) == 0)
    }

    /// Otherwise anybody could fill the table, and other methods would not be judged.
    @Test func pathsThatStrangersMakeUpTakeNoPlaces() throws {
        let stage = try stage()
        stage.grpcStatus = 12
        let client = try stage.client()
        for _ in 0..<20 { stage.call(client, size: 0) }
        finish(stage)
        #expect(stage.worker.statistics.methods.isEmpty)
    }

    @Test(arguments: [(3, 0), (13, 1), (14, 1), (2, 1), (15, 1), (5, 0)]) func judgesAStatus(
        status: Int, failures: Int
    ) throws {
        let stage = try stage()
        stage.grpcStatus = status
        stage.call(try stage.client(), size: 0)
        finish(stage)
        #expect(calls(stage, .blue) + calls(stage, .green) == 1)
        #expect(outcomes(stage).reduce(0) { $0 + $1.colors.blue.failures + $1.colors.green.failures } == failures)
    }

    @Test(arguments: [1, 4, 8]) func saysNothingOfAColor(status: Int) throws {
        let stage = try stage()
        stage.grpcStatus = status
        stage.call(try stage.client(), size: 0)
        finish(stage)
        #expect(calls(stage, .blue) + calls(stage, .green) == 0)
    }

    @Test func aResetByTheUpstreamIsItsFailure() throws {
        let stage = try stage()
        stage.plan = .reset(UInt32(NGHTTP2_INTERNAL_ERROR.rawValue), afterHead: false, bytes: 0)
        let client = try stage.client()
        for _ in 0..<20 { stage.call(client, size: 0) }
        finish(stage)
        let failures = outcomes(stage).reduce(0) { $0 + $1.colors.blue.failures + $1.colors.green.failures }
        #expect(failures == 20)
    }

    /// The color that couldn't be reached has failed, whatever the other one has made of the call.
    @Test func whatFallsBackIsTheNewColorsFailure() throws {
        let stage = try stage()
        stage.word.store(Route(epoch: 3, active: .blue, share: .all))
        stage.worker.publish(health: PerColor(blue: [true], green: [false]))
        let client = try stage.client()
        let calls = (0..<5).map { _ in stage.call(client, size: 0) }
        finish(stage)
        #expect(calls.allSatisfy { $0.grpcStatus == 0 })
        #expect(outcomes(stage).reduce(0) { $0 + $1.colors.green.failures } == 5)
        #expect(self.calls(stage, .blue) == 0)
    }

    @Test func tellsKeysApart() throws {
        let stage = try stage(stickyKey: .metadata(SimulatedClient.stickyMetadata))
        let client = try stage.client()
        for number in 0..<30 { stage.call(client, size: 0, key: "user \(number % 10)") }
        stage.call(client, size: 0)
        finish(stage)
        let keys = stage.worker.statistics.methods.values.flatMap { Array($0.keys.keys) }
        #expect(Set(keys).count == 10)
        let withoutKey = stage.worker.statistics.methods.values.reduce(0) {
            $0 + $1.withoutKey.blue.calls + $1.withoutKey.green.calls
        }
        #expect(withoutKey == 1)
    }

    @Test func addsUpWorkersOfTheSameStep() {
        var outcome = Outcome()
        (outcome.calls, outcome.failures, outcome.firstByte, outcome.duration) = (3, 1, [0, 2], [4])
        var method = StepStatistics.Method()
        method.colors.green = outcome
        method.keys[7] = (.green, outcome)
        var sum = StepStatistics(epoch: 2, methods: ["/a": method])
        sum.add(StepStatistics(epoch: 2, methods: ["/a": method, "/b": method]))
        #expect(sum.methods["/a"]?.colors.green.calls == 6 && sum.methods["/a"]?.keys[7]?.outcome.failures == 2)
        #expect(sum.methods["/a"]?.colors.green.firstByte == [0, 4] && sum.methods["/a"]?.colors.green.duration == [8])
        #expect(sum.methods["/b"]?.colors.green.calls == 3)
        sum.add(StepStatistics(epoch: 1, methods: ["/a": method]))
        #expect(sum.methods["/a"]?.colors.green.calls == 6, "an earlier step's")
        sum.add(StepStatistics(epoch: 3, methods: [:]))
        #expect(sum.epoch == 3 && sum.methods.isEmpty)
    }

    /// Another process goes on with them.
    @Test func arePassedOn() throws {
        var outcome = Outcome()
        (outcome.calls, outcome.failures, outcome.late, outcome.firstByte) = (3, 1, 2, [0, 2])
        (outcome.unimplemented, outcome.succeeded, outcome.exhausted, outcome.underWay) = (4, 5, 6, 7)
        outcome.duration = [0, 0, 1]
        var method = StepStatistics.Method()
        method.colors.green = outcome
        method.withoutKey.blue = outcome
        method.keys[.max] = (.green, outcome)
        method.keys[7] = (.blue, outcome)
        method.hasMoreKeys = true
        let statistics = StepStatistics(epoch: 2, methods: ["/a": method])
        let bytes = try JSONEncoder().encode(statistics)
        #expect(try JSONDecoder().decode(StepStatistics.self, from: bytes) == statistics)
    }

    /// The process before may have been of a version that counted no durations.
    @Test func areReadWithoutDurations() throws {
        let text = """
            {"calls": 3, "failures": 1, "unimplemented": 0, "succeeded": 2, "late": 0, "exhausted": 0, "underWay": 0, \
            "firstByte": [0, 2]}
            """
        let outcome = try JSONDecoder().decode(Outcome.self, from: Data(text.utf8))
        #expect(outcome.calls == 3 && outcome.firstByte == [0, 2] && outcome.duration == [])
    }

    /// In a step as in the minutes before it.
    @Test func whatBeganBeforeAnEndpointWasWarmHasNoTimes() throws {
        let stage = try stage()
        let clients = [try stage.client(), try stage.client()]
        for number in 0..<150 { stage.call(clients[number % 2], size: 0) }
        finish(stage)
        let cold = sum(stage)
        #expect(cold.calls == 150 && cold.firstByte == [])
        for _ in 0..<8 { stage.call(clients[0], size: 0) }
        finish(stage)
        #expect(sum(stage).calls == 158 && sum(stage).firstByte.reduce(0, +) == 8)
    }

    /// In a step, too, and for the color and the key that it went to.
    @Test func countsTheDurationOfUnaryCalls() throws {
        let stage = try stage(stickyKey: .metadata(SimulatedClient.stickyMetadata))
        let client = try stage.client()
        let prefix: [UInt8] = [0, 0, 0, 0, 5]
        func call(_ user: Int, answer: Int) {
            stage.plan = .answer(size: answer, early: false)
            stage.call(client, key: "user \(user)", requestPrefix: prefix, responsePrefix: prefix)
            finish(stage)
        }
        for number in 0..<150 { call(number % 2, answer: 20) }
        let before = sum(stage)
        #expect(before.duration == [], "two messages are no unary call")
        for number in 0..<12 { call(number % 2, answer: 10) }
        let after = sum(stage)
        #expect(after.duration == [12] && after.firstByte == [before.firstByte[0] + 12])
        let ofKeys = stage.worker.statistics.methods.values.flatMap(\.keys.values).map(\.outcome)
        #expect(ofKeys.reduce(into: Outcome()) { $0 += $1 }.duration == [12])
    }
}

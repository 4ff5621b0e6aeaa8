import Connections
import DataPlane
import EventLoop
import Testing

@Suite struct ColorDrainTests {
    /// Calls on blue from epoch 1, then calls on green from epoch 2, all at backends that don't answer.
    private func stage(blue: Int, green: Int = 0) throws -> (WorkerStage, blue: [CallRecord], green: [CallRecord]) {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        let old = (0..<blue).map { _ in stage.call(client) }
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .green))
        let new = (0..<green).map { _ in stage.call(client) }
        stage.settle()
        while !stage.attempts.isEmpty { stage.accept() }
        stage.settle()
        return (stage, old, new)
    }

    private func ended(_ calls: [CallRecord]) -> Int { calls.count { $0.outcome == .complete && $0.grpcStatus == 14 } }

    private func drained(_ stage: WorkerStage) -> PerColor<Int> {
        let colors = stage.worker.report().colors
        return PerColor { colors[$0].drained }
    }

    @Test func endsOnlyTheCallsLeftBehind() throws {
        let (stage, blue, green) = try stage(blue: 10, green: 5)
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(4))
        stage.pass(.seconds(4))
        #expect(ended(blue) == 10 && green.allSatisfy { $0.outcome == .open })
        #expect(drained(stage).blue == 10 && drained(stage).green == 0)
        // Green's calls began in epoch 2, and only calls before that epoch are ended.
        stage.worker.endCalls(on: .green, before: 2, over: .zero)
        stage.settle()
        #expect(green.allSatisfy { $0.outcome == .open })
        stage.worker.endCalls(on: .green, before: 3, over: .zero)
        stage.settle()
        #expect(ended(green) == 5 && drained(stage).green == 5)
        #expect(stage.journal.violations == [])
    }

    /// A preview's call is on the color that is drained as any other, though nobody waits for its end.
    @Test func endsCallsThatAskedForTheColorToo() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        stage.word.store(Route(epoch: 2, active: .green))
        let call = stage.call(try stage.client(by: .preview))
        stage.settle()
        stage.accept()
        stage.settle()
        #expect(stage.worker.report().inFlight.isEmpty && stage.worker.report().workers[0].callsInFlight == 1)
        stage.worker.endCalls(on: .blue, before: 3, over: .zero)
        stage.settle()
        #expect(ended([call]) == 1 && drained(stage).blue == 1)
        #expect(stage.journal.violations == [])
    }

    @Test func spreadsTheEndsOverTime() throws {
        let (stage, calls, _) = try stage(blue: 8)
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(8))
        for second in 1...8 {
            stage.pass(.seconds(1))
            #expect(abs(ended(calls) - second) <= 1)
        }
        #expect(ended(calls) == 8)
        #expect(stage.journal.violations == [])
    }

    @Test func aCallThatEndsByItselfIsNotCounted() throws {
        let (stage, calls, _) = try stage(blue: 4)
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(1))
        for backend in stage.backends { backend.cooperate() }
        stage.settle()
        stage.pass(.seconds(2))
        let (ended, counted) = (ended(calls), drained(stage).blue)
        #expect(ended == counted && counted < 4)
        #expect(calls.count { $0.grpcStatus == 0 } == 4 - counted)
        #expect(stage.journal.violations == [])
    }

    /// The answer is complete, but its client hasn't taken all of it.
    @Test func aCallThatIsAnsweredGoesOn() throws {
        let stage = try WorkerStage()
        stage.plan = .answer(size: 100_000, early: false)
        let client = try stage.client()
        client.isEager = false
        let call = stage.call(client)
        stage.settle()
        stage.accept()
        stage.settle()
        // The part beyond the client's window waits in the Proxy, with the end of the response.
        #expect(call.outcome == .open && stage.backends[0].openAttempts.isEmpty)
        stage.worker.endCalls(on: .blue, before: 2, over: .zero)
        stage.settle()
        client.cooperate()
        stage.settle()
        #expect(call.grpcStatus == 0 && call.received == 100_000 && drained(stage).blue == 0)
        #expect(stage.journal.violations == [])
    }

    @Test func letsTheRestGoOnWhenItIsCancelled() throws {
        let (stage, calls, _) = try stage(blue: 10)
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(10))
        stage.pass(.seconds(5))
        let count = ended(calls)
        #expect((4...6).contains(count))
        stage.worker.cancelDrain()
        stage.pass(.seconds(10))
        #expect(ended(calls) == count && drained(stage).blue == count)
        #expect(stage.journal.violations == [])
    }

    /// A second drain replaces the first: calls end at its moments only.
    @Test func theLatestDrainCounts() throws {
        let (stage, calls, _) = try stage(blue: 10)
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(1))
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(100))
        stage.pass(.seconds(9))
        #expect(ended(calls) <= 1)
        stage.worker.endCalls(on: .blue, before: 2, over: .seconds(1))
        stage.pass(.seconds(1))
        #expect(ended(calls) == 10)
        #expect(stage.journal.violations == [])
    }
}

import DataPlane
import EventLoop
import Testing

@Suite struct EndpointPoolTests {
    @Test func oneConnectionIsMadeAtATimeAndFilledBeforeTheNext() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        for _ in 0..<5 { stage.call(client) }
        stage.settle()
        #expect(stage.attempts.count == 1)
        let first = stage.accept(streams: 2)
        stage.settle()
        #expect(first.openAttempts.count == 2 && stage.attempts.count == 1)
        let second = stage.accept(streams: 100)
        stage.settle()
        #expect(second.openAttempts.count == 3 && stage.attempts.isEmpty)
        #expect(stage.journal.violations == [])
    }

    @Test func afterAFailureCallsWaitForTheNextTry() throws {
        let stage = try WorkerStage()
        stage.refuses = true
        let client = try stage.client()
        let first = stage.call(client)
        stage.settle()
        #expect(first.outcome == .complete && first.grpcStatus == 14 && stage.attemptCount == 1)
        stage.refuses = false
        let second = stage.call(client)
        stage.settle()
        #expect(second.outcome == .open && stage.attemptCount == 1)
        // A backoff of 50 ms, plus a fifth of jitter at most.
        stage.pass(.milliseconds(60))
        #expect(stage.attemptCount == 2)
        stage.accept()
        stage.settle()
        #expect(second.outcome == .complete && second.grpcStatus == 0)
        #expect(stage.journal.violations == [])
    }

    @Test func givesUpASilentConnection() throws {
        let stage = try WorkerStage()
        let call = stage.call(try stage.client())
        stage.settle()
        #expect(stage.attempts.count == 1)
        stage.pass(.milliseconds(4_900))
        #expect(call.outcome == .open)
        stage.pass(.milliseconds(200))
        #expect(call.outcome == .complete && call.grpcStatus == 14)
        #expect(stage.journal.violations == [])
    }

    @Test func passesOverAnEndpointThatKeepsFailing() throws {
        var limits = DataPlaneLimits()
        limits.ejectionThreshold = 1
        let stage = try WorkerStage(endpoints: 2, limits: limits)
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        let lost = stage.attempts[0].port
        let backend = stage.accept()
        backend.isReading = false
        stage.settle()
        backend.breakOff()
        stage.settle()
        for _ in 0..<4 {
            stage.call(client)
            stage.settle()
            while !stage.attempts.isEmpty {
                #expect(stage.attempts[0].port != lost)
                stage.accept()
                stage.settle()
            }
        }
        stage.pass(limits.ejectionTime)
        for _ in 0..<4 { stage.call(client) }
        stage.settle()
        #expect(stage.attempts.contains { $0.port == lost })
    }

    @Test func answersCallsThatHaveWaitedTooLong() throws {
        var limits = DataPlaneLimits()
        limits.waitTimeout = .seconds(2)
        limits.maxUpstreamConnections = 1
        let stage = try WorkerStage(limits: limits)
        stage.plan = .hold
        let client = try stage.client()
        let (first, second) = (stage.call(client), stage.call(client))
        stage.settle()
        stage.accept(streams: 1)
        stage.pass(.milliseconds(1_900))
        #expect(first.outcome == .open && second.outcome == .open)
        stage.pass(.milliseconds(500))
        #expect(first.outcome == .open && second.outcome == .complete && second.grpcStatus == 14)
        #expect(stage.journal.violations == [])
    }
}

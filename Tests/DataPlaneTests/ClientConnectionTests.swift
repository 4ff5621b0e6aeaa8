import Connections
import DataPlane
import EventLoop
import Synchronization
import Testing

@Suite struct ClientConnectionTests {
    /// A stream that the client opened before it saw the GOAWAY is served; the connection ends with the last stream.
    @Test func saysGoodbyeInTwoSteps() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        let first = stage.call(client)
        stage.settle()
        let backend = stage.accept()
        stage.settle()
        let hasLeft = Mutex(false)
        stage.worker.beginShutdown { hasLeft.withLock { $0 = true } }
        // Already on its way when the GOAWAY arrives.
        let crossing = stage.call(client)
        client.isReading = false
        stage.pass(.milliseconds(2))
        client.isReading = true
        stage.settle()
        #expect(backend.openAttempts.count == 2 && client.isToldToLeave && !client.takesCalls)
        #expect(!hasLeft.withLock { $0 })
        backend.cooperate()
        stage.settle()
        #expect(first.grpcStatus == 0 && crossing.grpcStatus == 0 && !client.isOpen)
        stage.settle()
        #expect(hasLeft.withLock { $0 })
        #expect(stage.journal.violations == [])
    }

    /// A client that doesn't answer the PING gets the second GOAWAY when the time is up.
    @Test func doesNotWaitForAClientThatDoesNotAnswer() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        stage.accept()
        stage.settle()
        stage.worker.beginShutdown {}
        stage.settle()
        client.isWriting = false
        stage.pass(.seconds(1))
        #expect(client.goAways == 1)
        stage.pass(.seconds(5))
        #expect(client.goAways == 2)
        #expect(stage.journal.violations == [])
    }

    @Test func endsAnIdleConnection() throws {
        var limits = DataPlaneLimits()
        limits.idleTimeout = .seconds(5)
        let stage = try WorkerStage(limits: limits)
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        stage.accept()
        stage.pass(.milliseconds(4_900))
        #expect(client.isOpen)
        stage.pass(.milliseconds(500))
        #expect(!client.isOpen)
        #expect(stage.journal.violations == [])
    }

    /// A client whose streams take nothing may be busy or gone: it is asked, and stays as long as it answers.
    @Test func aClientThatTakesNothingIsAskedAndGivenUp() throws {
        var limits = DataPlaneLimits()
        limits.writeTimeout = .seconds(20)
        let stage = try WorkerStage(limits: limits)
        stage.plan = .answer(size: 1 << 20, early: false)
        let client = try stage.client()
        client.isEager = false
        stage.call(client)
        stage.settle()
        stage.accept()
        stage.pass(.seconds(120))
        #expect(client.isOpen)
        client.isWriting = false
        stage.pass(.seconds(32))
        #expect(!client.isOpen && stage.worker.report().workers[0].closedByRule[.writeStall] == 1)
    }

    @Test func endsACallBehindItsDeadlineAndTheGrace() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let call = stage.call(try stage.client(), deadline: "500m")
        stage.settle()
        let backend = stage.accept()
        stage.pass(.milliseconds(1_450))
        #expect(call.outcome == .open)
        stage.pass(.milliseconds(400))
        #expect(call.outcome == .complete && call.grpcStatus == 4)
        #expect(backend.openAttempts.isEmpty)
        #expect(stage.journal.violations == [])
    }
}

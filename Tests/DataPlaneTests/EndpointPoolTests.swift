import DataPlane
import EventLoop
import Glibc
import Synchronization
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

    /// Its checks fail, and so did the last attempt to connect: what comes is answered at once, while attempts go on.
    @Test func callsDoNotWaitForAnEndpointThatIsDown() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        stage.refuses = true
        stage.call(client)
        stage.settle()
        stage.worker.publish(health: PerColor(blue: [false], green: [true]))
        let during = stage.call(client)
        stage.settle()
        #expect(during.outcome == .complete && during.grpcStatus == 14 && stage.attemptCount == 1)
        // From now on nobody answers, not even by a refusal.
        stage.refuses = false
        stage.pass(.milliseconds(100))
        let quick = stage.call(client)
        stage.settle()
        #expect(quick.outcome == .complete && quick.grpcStatus == 14 && stage.attemptCount == 2)
        stage.accept()
        stage.settle()
        let served = stage.call(client)
        stage.settle()
        #expect(served.outcome == .complete && served.grpcStatus == 0)
        #expect(stage.journal.violations == [])
    }

    /// The attempt goes on for five seconds; who called has three.
    @Test func callsStopWaitingOnceTheChecksFail() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        let waiting = stage.call(client)
        stage.pass(.seconds(1))
        #expect(waiting.outcome == .open)
        stage.worker.publish(health: PerColor(blue: [false], green: [true]))
        stage.settle()
        #expect(waiting.outcome == .complete && waiting.grpcStatus == 14 && stage.attemptCount == 1)
        #expect(stage.journal.violations == [])
    }

    /// Nothing is known of it but that its checks fail, and they may be wrong.
    @Test func anEndpointWhoseChecksFailIsTriedForAMoment() throws {
        let stage = try WorkerStage()
        stage.worker.publish(health: PerColor(blue: [false], green: [true]))
        let client = try stage.client()
        let first = stage.call(client)
        stage.pass(.milliseconds(400))
        #expect(first.outcome == .open && stage.attemptCount == 1)
        stage.pass(.milliseconds(600))
        #expect(first.outcome == .complete && first.grpcStatus == 14)
        stage.accept()
        stage.settle()
        let second = stage.call(client)
        stage.settle()
        #expect(second.outcome == .complete && second.grpcStatus == 0)
        #expect(stage.journal.violations == [])
    }

    /// The process hangs, or its host is gone: the connection is still there.
    @Test func callsDoNotGoToAConnectionThatIsSilent() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        let backend = stage.accept()
        stage.settle()
        backend.isReading = false
        stage.worker.publish(health: PerColor(blue: [false], green: [true]))
        let early = stage.call(client)
        stage.pass(.milliseconds(600))
        let late = stage.call(client)
        stage.settle()
        #expect(early.outcome == .open)
        #expect(late.outcome == .complete && late.grpcStatus == 14 && stage.attempts.count == 1)
        // It was only busy.
        backend.isReading = true
        stage.settle()
        let served = stage.call(client)
        stage.settle()
        #expect(early.grpcStatus == 0 && served.grpcStatus == 0)
        #expect(stage.journal.violations == [])
    }

    /// The checks are wrong: the upstream answers PINGs and calls.
    @Test func callsGoToAnEndpointThatAnswers() throws {
        let stage = try WorkerStage()
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        stage.accept()
        stage.settle()
        stage.worker.publish(health: PerColor(blue: [false], green: [true]))
        for _ in 0..<5 {
            stage.pass(.seconds(1))
            let call = stage.call(client)
            stage.settle()
            #expect(call.outcome == .complete && call.grpcStatus == 0)
        }
        #expect(stage.attemptCount == 1 && stage.journal.violations == [])
    }

    /// getaddrinfo(3) blocks as long as it likes.
    @Test func aNameThatIsNotResolvedInTimeIsAnAttemptThatFailed() async throws {
        let names = LateNames()
        let resolver = Resolver(lookUp: names.lookUp)
        let stage = try WorkerStage(host: "blue.test", resolver: resolver)
        let call = stage.call(try stage.client())
        stage.pass(.milliseconds(4_900))
        #expect(call.outcome == .open)
        stage.pass(.milliseconds(200))
        #expect(call.outcome == .complete && call.grpcStatus == 14)
        // The answer comes after all, and concerns nobody. Who asks the same shares it, after the worker.
        await withCheckedContinuation { continuation in
            resolver.resolve(host: "blue.test", port: 1_000) { _ in continuation.resume() }
            names.answer()
        }
        stage.settle()
        #expect(stage.attemptCount == 0)
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

/// A resolver's look-ups that end when the test says so.
private final class LateNames: Sendable {
    private let mayAnswer = Atomic(false)

    func lookUp(host: String, port: UInt16) -> Resolver.Outcome {
        while !mayAnswer.load(ordering: .acquiring) { usleep(1_000) }
        return .addresses([SocketAddress(family: .ipv4, bytes: [127, 0, 0, 1], port: port)])
    }

    func answer() { mayAnswer.store(true, ordering: .releasing) }
}

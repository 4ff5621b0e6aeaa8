import EventLoop
import LogRecords
import Logging
import Proxy
import ServiceLifecycle
import Testing

@Suite struct ShutdownLimitTests {
    /// Ends only when it is cancelled, or when the group shuts down if it `obeys`.
    private struct Worker: Service {
        var obeys: Bool

        func run() async throws {
            if obeys { return try await gracefulShutdown() }
            try await Task.sleep(for: .seconds(3600))
        }
    }

    private let records = LogRecords()

    private func group(_ worker: Worker) -> ServiceGroup { ServiceGroup(services: [worker], logger: records.logger) }

    private func limit(_ leaving: Leaving, margin: Duration) -> ShutdownLimit {
        ShutdownLimit(leaving: leaving, margin: margin, logger: records.logger)
    }

    private let leaving = Leaving(grace: Leaving.Grace(shutdown: .milliseconds(10), restart: nil))

    @Test(.timeLimit(.minutes(1))) func aShutdownThatTakesTooLongIsCutShort() async {
        leaving.begun.set()
        try? await limit(leaving, margin: .milliseconds(10)).run(group(Worker(obeys: false)))
        #expect(records.messages.contains("the shutdown takes too long, and is cut short"))
    }

    @Test(.timeLimit(.minutes(1))) func aShutdownInTimeIsLeftAlone() async throws {
        let group = group(Worker(obeys: true))
        async let run: Void = limit(leaving, margin: .seconds(3600)).run(group)
        leaving.begun.set()
        await group.triggerGracefulShutdown()
        try await run
        #expect(!records.messages.contains { $0.contains("too long") })
    }

    @Test(.timeLimit(.minutes(1))) func aProcessThatIsNotLeavingHasNoLimit() async throws {
        let group = group(Worker(obeys: true))
        async let run: Void = limit(leaving, margin: .zero).run(group)
        try await Task.sleep(for: .milliseconds(100))
        #expect(!records.messages.contains { $0.contains("too long") })
        await group.triggerGracefulShutdown()
        try await run
    }
}

import DataPlane
import DurationSyntax
import Logging
import ServiceLifecycle
import Synchronization

/// Whether the process is on its way out.
final class StoppingFlag: Sendable {
    private let flag = Atomic(false)
    private let (changes, continuation) = AsyncStream.makeStream(of: Never.self)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() {
        flag.store(true, ordering: .relaxed)
        continuation.finish()
    }

    /// Returns once it is set, or as the task is cancelled. Only one task may wait.
    func wait() async {
        for await _ in changes {}
    }
}

/// Runs the data plane: starts it, and drains it when the service group shuts down.
struct DataPlaneService: Service {
    var dataPlane: DataPlane
    /// As it is when the shutdown begins.
    var grace: LiveValue<Duration>
    var stopping: StoppingFlag
    var logger: Logger
    /// What the line that says that everything listens gives besides the data plane's address.
    var facts: Logger.Metadata

    func run() async throws {
        try dataPlane.start()
        logger.notice("listening", metadata: facts.merging(["listen": "\(dataPlane.address)"]) { $1 })
        // Cancelled as the group fails, it drains all the same, as calls may be under way.
        try? await gracefulShutdown()
        stopping.set()
        let grace = grace.current
        logger.notice("shutting down", metadata: ["grace": "\(grace.text)"])
        let outcome = await dataPlane.drain(grace: grace)
        logger.notice(
            "stopped",
            metadata: [
                "calls_finished": .stringConvertible(outcome.finished),
                "calls_ended": .stringConvertible(outcome.ended),
            ])
    }
}

import EventLoop
import Logging
import ServiceLifecycle

/// Prevents a service that does not end from keeping the process alive for ever.
package struct ShutdownLimit: Sendable {
    /// How much longer than the calls' grace the whole shutdown may take.
    private let margin: Duration

    private let leaving: Leaving
    private let logger: Logger

    package init(leaving: Leaving, margin: Duration = .seconds(15), logger: Logger) {
        self.leaving = leaving
        self.margin = margin
        self.logger = logger
    }

    /// Runs a group until it ends; cancels it if its shutdown takes too long.
    package func run(_ group: ServiceGroup) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                await leaving.begun.wait()
                await leaving.timeIsUp()
                try? await Task.sleep(for: margin)
                if !Task.isCancelled { logger.error("the shutdown takes too long, and is cut short") }
            }
            // The first to end decides; the other is cancelled.
            try await tasks.next()
            tasks.cancelAll()
        }
    }
}

import DataPlane
import EventLoop
import Handover
import Logging
import ServiceLifecycle

/// Runs the data plane: starts it, and finishes its calls when the service group shuts down.
struct DataPlaneService: Service {
    var dataPlane: DataPlane
    var traffic: CombinedTraffic
    var leaving: Leaving
    var logger: Logger
    /// What the log line that reports the start contains besides the data plane's address.
    var facts: Logger.Metadata
    /// Set once the admin API serves.
    var adminServes: OneTimeEvent
    /// The last step of taking over from another process, if there is one to take over from.
    var takingOver: TakingOver?
    /// What this process does once it serves.
    var onServing: @Sendable () -> Void

    func run() async throws {
        try dataPlane.start()
        // One that is to end already leaves everything to the other process.
        if let takingOver, Task.isShuttingDownGracefully || !takingOver.complete() {
            return try await leave(to: takingOver)
        }
        await adminServes.wait()
        onServing()
        logger.notice("listening", metadata: facts.merging(["listen": "\(dataPlane.address)"]) { $1 })
        let manager = ServiceManager()
        manager?.ready()
        // If the group fails, this task is cancelled; calls may be in progress and are given time to finish all the
        // same.
        try? await gracefulShutdown()
        leaving.begun.set()
        logger.notice("shutting down", metadata: ["grace": "\(leaving.graceText)"])
        if leaving.ending == .last {
            manager?.stopping()
            traffic.shutDownPredecessors()
        }
        let outcome = await dataPlane.shutDown(leaving.ending) { await leaving.timeIsUp() }
        logger.notice(
            "stopped",
            metadata: [
                "calls_finished": .stringConvertible(outcome.finished),
                "calls_ended": .stringConvertible(outcome.ended),
            ])
    }

    /// Ends, as the other process goes on itself. The few calls that this one has accepted meanwhile may finish.
    private func leave(to other: TakingOver) async throws {
        leaving.begun.set()
        _ = await dataPlane.shutDown(.last) { await leaving.timeIsUp() }
        if !Task.isShuttingDownGracefully { throw other.predecessor.failure }
    }
}

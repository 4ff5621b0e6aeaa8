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
    /// The process that waits for this one to serve.
    var predecessor: Predecessor?

    func run() async throws {
        try dataPlane.start()
        await adminServes.wait()
        logger.notice("listening", metadata: facts.merging(["listen": "\(dataPlane.address)"]) { $1 })
        let manager = ServiceManager()
        predecessor?.ready()
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
}

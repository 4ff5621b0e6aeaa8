import DataPlane
import EventLoop
import Handover
import Logging
import ServiceLifecycle

/// Runs the data plane: starts it, and drains it when the service group shuts down.
struct DataPlaneService: Service {
    var dataPlane: DataPlane
    var traffic: CombinedTraffic
    var leaving: Leaving
    var logger: Logger
    /// What the line that says that everything listens gives besides the data plane's address.
    var facts: Logger.Metadata
    /// Set once the admin API is served.
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
        // Cancelled as the group fails, it drains all the same, as calls may be under way.
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

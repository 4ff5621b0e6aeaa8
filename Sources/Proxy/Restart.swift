import ControlPlane
import DataPlane
import FoundationEssentials
import Glibc
import Handover
import Logging
import ServiceLifecycle
import UnixSignals

/// At SIGUSR2, has a new process take over, running the program that is installed by then.
///
/// The new process gets the listening sockets, the route word and the state file's lock, reads its settings and reports
/// that it is prepared. Then changes stop here; it takes over state, health and drain, serves, and reports that. Only
/// then does this process say goodbye to its clients and finish their calls. Until that point it can return to normal
/// work as if nothing had been requested.
struct Restart: Service {
    /// The parts that are handed over or must let go.
    struct Parts: Sendable {
        var dataPlane: DataPlane
        var traffic: CombinedTraffic
        var admin: AdminServer
        var route: RouteWord
        var store: StateStore
        var switchboard: Switchboard
        var health: HealthMonitor
        var drainer: Drainer
    }

    /// The time limit for the new process to be prepared, and then again to serve.
    private static let patience = Duration.seconds(30)
    /// How long connections to the admin API wait for a new process that takes over; then they are answered here.
    private static let silence = Duration.seconds(1)

    /// One element for each request.
    var requests: UnixSignalsSequence
    /// The program as it was started.
    var program: Program
    var parts: Parts
    var leaving: Leaving
    /// Makes the process finish its calls and end.
    var leave: @Sendable () async -> Void
    var logger: Logger

    func run() async {
        for await _ in requests.cancelOnGracefulShutdown() {
            guard !program.endsContainer else {
                logger.error("not restarted: the container ends with this process; replace the container instead")
                continue
            }
            do {
                try await restart()
                // Returning now would count as a failure of this service.
                try? await gracefulShutdown()
                return
            } catch {
                logger.error("not restarted, this process goes on", metadata: ["cause": "\(error)"])
            }
        }
    }

    private func restart() async throws {
        logger.notice("restarting", metadata: ["program": "\(program.path)"])
        // Trapped before anyone is told that there is another process: whoever hears of it may send the next signal at
        // once.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let successor = try start()
        let commitment = Commitment()
        let watch = Task {
            // Before the other process has taken over, the signal means both: this one ends by it, the other one here.
            for await _ in signals where !commitment.breakOff(by: successor.end) { leaving.hurry() }
        }
        // A signal may have come before they were trapped: then this service is told that the process ends.
        let ending = Task {
            try? await gracefulShutdown()
            if !Task.isCancelled { _ = commitment.breakOff(by: successor.end) }
        }
        defer { ending.cancel() }
        do {
            try await successor.prepared(within: Self.patience)
            try await handOver(to: successor, commitment)
        } catch {
            watch.cancel()
            commitment.abandon()
            await successor.giveUp()
            throw error
        }
        parts.store.release()
        parts.admin.release()
        parts.traffic.passPredecessorsOn()
        leaving.succeed()
        logger.notice(
            "another process has taken over", metadata: ["process": .stringConvertible(Int(successor.processID))])
        // It lasts as long as the process, as `watch` does: calls may take hours to finish.
        Task { await successor.serve(parts.dataPlane, shutDown: leaving.hurry) }
        await leave()
    }

    /// Logs a message that could not be sent to another process.
    static let report: @Sendable (HandoverChannel.Failure) -> Void = { failure in
        Logger(label: "sluice").error(
            "another process of this Proxy can't be told", metadata: ["cause": "\(failure)"])
    }

    private func start() throws -> Successor {
        guard let clients = parts.dataPlane.listeningSocket, let admin = parts.admin.listeningSocket else {
            throw CancellationError()
        }
        return try Successor.start(
            program: program.path, arguments: program.arguments, environment: ProcessInfo.processInfo.environment,
            passing: [
                (clients.isManaged ? .managedListen : .listen, clients.descriptor),
                (admin.isManaged ? .managedAdmin : .admin, admin.descriptor), (.route, parts.route.descriptor),
                (.lock, try parts.store.shareLock()),
            ] + parts.traffic.predecessors.map { (.predecessor, $0.descriptor) }, unsent: Self.report)
    }

    /// From here on exactly one process makes changes: this one until it lets go, then the new one, or this one again.
    private func handOver(to successor: Successor, _ commitment: Commitment) async throws {
        await parts.admin.pause()
        let state = await parts.switchboard.handOver()
        let drain = parts.drainer.handOver()
        let health = await parts.health.health()
        let predecessors = parts.traffic.predecessors
        for predecessor in predecessors { await predecessor.leave() }
        // A new process that takes its time, or has stopped, must not keep operators from an answer: they are told that
        // nothing can be changed now.
        let answering = Task {
            try await Task.sleep(for: Self.silence)
            parts.admin.resume()
        }
        do {
            try await successor.takeOver(
                Takeover(history: state.history, health: [health.blue, health.green], drain: drain),
                within: Self.patience, parts.dataPlane)
            guard commitment.commit() else { throw CancellationError() }
            answering.cancel()
            // Connections are the new process's from here on, if they were not all the time.
            if (try? await answering.value) != nil { await parts.admin.pause() }
        } catch {
            answering.cancel()
            commitment.abandon()
            // Ended first, so that it can make no more changes.
            await successor.giveUp()
            for predecessor in predecessors { predecessor.resume() }
            await parts.switchboard.takeBack()
            if let drain { parts.drainer.takeOver(drain) }
            parts.admin.resume()
            throw error
        }
    }
}

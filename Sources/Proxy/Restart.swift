import ControlPlane
import DataPlane
import Glibc
import Handover
import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Has a new process take over at SIGUSR2, with the program that is there by then.
///
/// The new process gets the listening sockets, the route word and the state file's lock, reads its settings and says that
/// it is prepared; then changes stop here, it takes over state, health and drain, serves, and says so; only then this
/// process says goodbye to its clients and finishes their calls. Up to there it can go back to work as if nothing had
/// been asked.
struct Restart: Service {
    /// What is handed over, or has to let go.
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

    /// How long the new process may take to be prepared, and then to serve.
    private static let patience = Duration.seconds(30)

    /// One element for each request.
    var requests: UnixSignalsSequence
    /// As the process was started.
    var program: Program
    var parts: Parts
    var leaving: Leaving
    /// Has the process finish its calls and end.
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
                // Returning now would be taken for a failure of this service.
                try? await gracefulShutdown()
                return
            } catch {
                logger.error("not restarted, this process goes on", metadata: ["cause": "\(error)"])
            }
        }
    }

    private func restart() async throws {
        logger.notice("restarting", metadata: ["program": "\(program.path)"])
        // Before it is told that there is another process: whoever hears of that may send the next signal at once.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let successor = try start()
        do {
            try await successor.prepared(within: Self.patience)
            try await handOver(to: successor)
        } catch {
            await successor.giveUp()
            throw error
        }
        parts.store.release()
        parts.admin.release()
        parts.traffic.passPredecessorsOn()
        leaving.succeed()
        logger.notice(
            "another process has taken over", metadata: ["process": .stringConvertible(Int(successor.processID))])
        // Both last as long as the process: it may take calls hours to finish.
        Task { await successor.serve(parts.dataPlane, shutDown: leaving.hurry) }
        Task { for await _ in signals { leaving.hurry() } }
        await leave()
    }

    /// Tells of what can't be said to another process.
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

    /// From here on there is one process that makes changes: this one until it lets go, then the new one, or this one
    /// again.
    private func handOver(to successor: Successor) async throws {
        await parts.admin.pause()
        let state = await parts.switchboard.handOver()
        let drain = parts.drainer.handOver()
        let health = await parts.health.health()
        let predecessors = parts.traffic.predecessors
        for predecessor in predecessors { await predecessor.leave() }
        do {
            try await successor.takeOver(
                Takeover(history: state.history, health: [health.blue, health.green], drain: drain),
                within: Self.patience, parts.dataPlane)
        } catch {
            // Ended first, so that it can't make a change any more.
            await successor.giveUp()
            for predecessor in predecessors { predecessor.resume() }
            await parts.switchboard.takeBack()
            if let drain { parts.drainer.takeOver(drain) }
            parts.admin.resume()
            throw error
        }
    }
}

/// The program that this process runs, as it can be started again.
struct Program: Sendable {
    /// By the name it was started with, not the file it was then: an upgrade may have put another one there, or have led
    /// a symbolic link elsewhere.
    var path: String
    var arguments: [String]

    /// Whether a container ends with this process, and so with it whatever has taken over from it.
    var endsContainer: Bool

    /// - Parameter hasPredecessor: it has taken over from another process, so that this can be done.
    static func current(hasPredecessor: Bool) -> Program {
        let arguments = CommandLine.arguments
        return Program(
            path: path(of: arguments.first ?? ""), arguments: arguments,
            endsContainer: !hasPredecessor && isMainProcessOfContainer())
    }

    private static func path(of name: String) -> String {
        guard !name.contains("/") else { return name }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let paths: [String] = folders.map { "\($0)/\(name)" }
        return paths.first { unsafe access($0, X_OK) == 0 } ?? "/proc/self/exe"
    }

    /// A container's first process, or the one that its init (as of `docker run --init`) is there for. A service manager
    /// that is told which process is the service is neither.
    private static func isMainProcessOfContainer() -> Bool {
        if getpid() == 1 { return true }
        guard getppid() == 1, unsafe getenv("NOTIFY_SOCKET") == nil else { return false }
        // The number that the kernel gives to the first namespace of all (PROC_PID_INIT_INO).
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) != "pid:[4026531836]"
    }
}

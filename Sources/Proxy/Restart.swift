import ControlPlane
import DataPlane
import FoundationEssentials
import Glibc
import Handover
import Logging
import ServiceLifecycle
import Synchronization
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
            for await _ in signals where !commitment.breakOff(ending: successor) { leaving.hurry() }
        }
        // A signal may have come before they were trapped: then this service is told that the process ends.
        let ending = Task {
            try? await gracefulShutdown()
            if !Task.isCancelled { _ = commitment.breakOff(ending: successor) }
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
        do {
            try await successor.takeOver(
                Takeover(history: state.history, health: [health.blue, health.green], drain: drain),
                within: Self.patience, parts.dataPlane)
            guard commitment.commit() else { throw CancellationError() }
        } catch {
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

/// Whether a restart can still be broken off: by a signal that ends this process, until another one has taken over.
private final class Commitment: Sendable {
    private enum State {
        case open
        case committed
        /// The new process has been killed, or whoever waits for its end is about to see to that.
        case abandoned
    }

    private let state = Mutex(State.open)

    /// Ends the new process, unless it has taken over.
    ///
    /// - Returns: whether it has not.
    func breakOff(ending successor: Successor) -> Bool {
        state.withLock { state in
            switch state {
            case .committed: return false
            case .abandoned: return true
            case .open:
                state = .abandoned
                successor.end()
                return true
            }
        }
    }

    /// - Returns: whether the other process has taken over; if not, the restart was broken off before.
    func commit() -> Bool {
        state.withLock { state in
            guard case .open = state else { return false }
            state = .committed
            return true
        }
    }

    /// The restart has failed: the new process is ended by whoever waits for its end, and by nobody else.
    func abandon() { state.withLock { $0 = .abandoned } }
}

/// The program that this process runs, in a form that can be started again.
struct Program: Sendable {
    /// The name it was started with, not the file of that time: an upgrade may have replaced the file, or pointed a
    /// symbolic link elsewhere.
    var path: String
    var arguments: [String]

    /// Whether the container ends with this process, and with it any process that has taken over.
    var endsContainer: Bool

    /// - Parameter hasPredecessor: whether this process has taken over from another, which shows that it is possible
    ///   here.
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

    /// Whether this is a container's first process, or the one that its init (as of `docker run --init`) runs. A
    /// service manager that is told which process is the service counts as neither.
    private static func isMainProcessOfContainer() -> Bool {
        if getpid() == 1 { return true }
        guard getppid() == 1, unsafe getenv("NOTIFY_SOCKET") == nil else { return false }
        // The inode number of the kernel's initial PID namespace (PROC_PID_INIT_INO).
        return (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) != "pid:[4026531836]"
    }
}

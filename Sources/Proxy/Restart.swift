import Connections
import ControlPlane
import DataPlane
import EventLoop
import FoundationEssentials
import Glibc
import Ground
import Handover
import Logging
import ServiceLifecycle
import UnixSignals

/// Has a new process take over: at SIGUSR2, one that runs the program that is installed by then; or one that has connected
/// to the handover socket.
///
/// The new process gets the listening sockets, the route word and the state file's lock, reads its settings and reports
/// that it is prepared. Then changes stop here; it gets state, health and drain, accepts calls, and takes over
/// (`TakeoverDecision`). Only then does this process say goodbye to its clients and finish their calls. Until that point
/// it can return to normal work as if nothing had been requested.
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
        var events: EventDelivery?
    }

    /// The time limit for the new process to be prepared, and then again to serve.
    private static let patience = Duration.seconds(30)
    /// How long connections to the admin API wait for a new process that takes over; then they are answered here.
    private static let silence = Duration.seconds(1)

    /// One element for each request by SIGUSR2.
    var signals: UnixSignalsSequence
    /// Where other processes ask to take over.
    var socket: HandoverSocket?
    /// Set once this process serves.
    var serves: OneTimeEvent
    /// The program as it was started.
    var program: Program
    var parts: Parts
    var leaving: Leaving
    /// Makes the process finish its calls and end.
    var leave: @Sendable () async -> Void
    var logger: Logger
    private let turn = RestartTurn()

    func run() async {
        // What this process is about to take over itself is not yet its own to hand over.
        await serves.wait()
        await withDiscardingTaskGroup { group in
            group.addTask { await answerSignals() }
            if let socket { group.addTask { await answer(socket) } }
        }
        socket?.close(removing: leaving.ending == .last)
    }

    private func answerSignals() async {
        for await _ in signals.cancelOnGracefulShutdown() {
            guard !program.endsContainer else {
                logger.error(
                    """
                    not restarted: the container ends with this process; start another container with the same \
                    --handover-socket, as scripts/upgrade.sh does, or replace this one
                    """)
                continue
            }
            logger.notice("restarting", metadata: ["program": "\(program.path)"])
            await restart { try start($0) }
        }
    }

    private func answer(_ socket: HandoverSocket) async {
        await withDiscardingTaskGroup { group in
            for await line in socket.peers.cancelOnGracefulShutdown() {
                group.addTask { await answer(line) }
            }
        }
    }

    /// Answers a process that has connected to the handover socket.
    private func answer(_ line: FileDescriptor) async {
        let peer: PeerCredentials
        do {
            peer = try PeerCredentials(of: line)
        } catch {
            logger.error("not handed over to a process that can't be identified", metadata: ["cause": "\(error)"])
            return Successor.refuse(line, "this process can't be identified: \(error)")
        }
        if let refusal = peer.refusal(own: geteuid()) {
            logger.error("not handed over to another user's process", metadata: ["cause": "\(refusal)"])
            return Successor.refuse(line, refusal)
        }
        logger.notice(
            "another process asks to take over", metadata: ["process": .stringConvertible(Int(peer.processID))])
        await restart(onFailure: { Successor.refuse(line, $0) }) {
            try Successor.connected(line, from: peer, passing: passed($0), unsent: Self.report)
        }
    }

    /// - Parameters:
    ///   - refuse: tells a new process why it can't begin.
    ///   - begin: returns the new process, which gets the decision.
    private func restart(
        onFailure refuse: (String) -> Void = { _ in }, _ begin: (TakeoverDecision) throws -> Successor
    ) async {
        do {
            try turn.begin()
        } catch {
            refuse("\(error)")
            return logger.error("not restarted", metadata: ["cause": "\(error)"])
        }
        do {
            try await handOver(onFailure: refuse, begin)
            turn.end(hasTakenOver: true)
            await leave()
        } catch {
            turn.end(hasTakenOver: false)
            logger.error("not restarted, this process goes on", metadata: ["cause": "\(error)"])
        }
    }

    private func handOver(
        onFailure refuse: (String) -> Void, _ begin: (TakeoverDecision) throws -> Successor
    ) async throws {
        // Trapped before anyone is told that there is another process: whoever hears of it may send the next signal at
        // once.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let (decision, successor): (TakeoverDecision, Successor)
        do {
            decision = try TakeoverDecision()
            successor = try begin(decision)
        } catch {
            refuse("\(error)")
            throw error
        }
        // Until the other process has taken over, a signal means both: this one ends by it, the other one here.
        let breakOff: @Sendable () -> Bool = {
            guard decision.breakOff() else { return false }
            successor.end("it is ending")
            return true
        }
        leaving.settle(by: { !breakOff() })
        let watch = Task { for await _ in signals where !breakOff() { leaving.hurry() } }
        // A signal may have come before they were trapped: then this service is told that the process ends.
        let ending = Task {
            try? await gracefulShutdown()
            if !Task.isCancelled { _ = breakOff() }
        }
        defer { ending.cancel() }
        do {
            try await successor.prepared(within: Self.patience)
            try await handOver(to: successor, decision)
        } catch {
            watch.cancel()
            leaving.settle(by: nil)
            _ = decision.breakOff()
            await successor.giveUp("\(error)")
            throw error
        }
        leaving.succeed()
        parts.store.release()
        parts.admin.release()
        parts.traffic.passPredecessorsOn()
        logger.notice(
            "another process has taken over",
            metadata: successor.processID.map { ["process": .stringConvertible(Int($0))] } ?? [:])
        // It lasts as long as the process, as `watch` does: calls may take hours to finish.
        Task { await successor.serve(parts.dataPlane, shutDown: leaving.hurry) }
    }

    /// Logs a message that could not be sent to another process.
    static let report: @Sendable (HandoverChannel.Failure) -> Void = { failure in
        Logger(label: "sluice").error(
            "another process of this Proxy can't be told", metadata: ["cause": "\(failure)"])
    }

    private func start(_ decision: TakeoverDecision) throws -> Successor {
        try Successor.start(
            program: program.path, arguments: program.arguments, environment: ProcessInfo.processInfo.environment,
            passing: passed(decision), unsent: Self.report)
    }

    private func passed(_ decision: TakeoverDecision) throws -> [Successor.Passed] {
        guard let clients = parts.dataPlane.listeners, let admin = parts.admin.listeningSocket else {
            throw Successor.Failure(description: "this process listens no more")
        }
        let preview: Successor.Passed? = clients.preview.map {
            ($0.isManaged ? .managedPreview : .preview, $0.descriptor)
        }
        return [
            (clients.main.isManaged ? .managedListen : .listen, clients.main.descriptor),
            (admin.isManaged ? .managedAdmin : .admin, admin.descriptor), (.route, parts.route.descriptor),
            (.lock, try parts.store.shareLock()), (.decision, decision.descriptor),
        ] + [preview].compactMap { $0 } + parts.traffic.predecessors.map { (.predecessor, $0.descriptor) }
    }

    /// From here on exactly one process makes changes: this one until it lets go, then the new one, or this one again.
    private func handOver(to successor: Successor, _ decision: TakeoverDecision) async throws {
        await parts.admin.pause()
        let state = await parts.switchboard.handOver()
        await parts.events?.handOver()
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
                Takeover(state: state, health: [health.blue, health.green], drain: drain),
                within: Self.patience, parts.dataPlane)
        } catch {
            // Whatever has been heard of it: if it has taken over and lives, it makes the changes from now on.
            var mustGoOn = decision.breakOff()
            if !mustGoOn { mustGoOn = await successor.hasEnded() }
            if mustGoOn {
                answering.cancel()
                // Ended first, so that it can make no more changes.
                await successor.giveUp("\(error)")
                for predecessor in predecessors { predecessor.resume() }
                await parts.switchboard.takeBack()
                await parts.events?.takeBack()
                if let drain { parts.drainer.takeOver(drain) }
                parts.admin.resume()
                throw error
            }
        }
        answering.cancel()
        // Connections are the new process's from here on, if they were not all the time.
        if (try? await answering.value) != nil { await parts.admin.pause() }
    }
}

import Connections
import EventLoop
import Synchronization

/// A worker without a thread, for simulations: its owner takes its loop's turns one at a time, and looks at it in
/// between. Everything belongs to one thread, and all callbacks run on it.
package final class SteppedWorker {
    fileprivate let worker: Worker
    private let registry: ConnectionRegistry
    private let accessLog: AccessLog?

    package init(
        configuration: DataPlaneConfiguration, routeWord: RouteWord, surroundings: Surroundings,
        resolver: Resolver = Resolver(), takeCopies: @escaping @Sendable ([CopyOutcome]) -> Void = { _ in },
        log: @escaping @Sendable (NotableEvent) -> Void
    ) throws {
        accessLog = try AccessLog.open(configuration.accessLog, report: log)
        worker = try Worker(
            configuration: configuration, routeWord: routeWord, resolver: resolver, accessLog: accessLog,
            surroundings: surroundings, takeCopies: takeCopies, log: log)
        registry = ConnectionRegistry(home: worker.host, hosts: [worker.host])
    }

    // MARK: Turns

    /// Takes one turn with the events that are there now.
    package func turn() { worker.loop.turn(waitingAtMost: .zero) }

    /// The time at which the next timer is due.
    package var nextDeadline: MonotonicTime? { worker.loop.nextDeadline() }

    // MARK: Requests from the data plane

    /// Gives the worker a client's connection, as the acceptor would.
    package func adopt(_ socket: Socket, from address: SocketAddress, by door: Door = .main) {
        worker.host.openConnections.add(1, ordering: .relaxed)
        worker.host.adopt(socket, from: address, by: door, share: nil, registry)
    }

    /// Takes over a connection that a registry counts for a peer.
    package func adopt(_ socket: Socket, of peer: Peer, countedBy registry: ConnectionRegistry) {
        worker.host.openConnections.add(1, ordering: .relaxed)
        worker.host.adopt(socket, from: nil, by: .main, share: peer, registry)
    }

    /// As `TrafficControl.publish(health:)`, for this worker.
    package func publish(health: PerColor<[Bool]>) { worker.publish(health: health) }

    /// As `TrafficControl.publish(shadow:)`, for this worker.
    package func publish(shadow: ShadowRule?) { worker.publish(shadow: shadow) }

    /// As `DataPlane.publish(limits:failover:)`, for this worker.
    package func publish(limits: DataPlaneLimits, failover: Bool) { worker.publish(limits: limits, failover: failover) }

    /// As `TrafficControl.endCalls(on:before:over:)`, for this worker.
    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        worker.colorDrain.begin(on: color, before: epoch, over: spread)
    }

    /// As `TrafficControl.cancelDrain()`, for this worker.
    package func cancelDrain() { worker.colorDrain.cancel() }

    /// Calls back once no call is left that began on a color before an epoch.
    ///
    /// - Parameter number: any number not in use by another wait.
    package func wait(
        _ number: UInt64, untilDrained color: Color, before epoch: UInt64, _ scope: CallScope = .placed,
        whenDrained: @escaping @Sendable () -> Void
    ) {
        worker.book.wait(number, untilDrained: color, before: epoch, scope, whenDrained: whenDrained)
    }

    /// Begins a shutdown: clients are told to leave, and `whenDone` is called when the last has left.
    package func beginShutdown(whenDone: @escaping @Sendable () -> Void) {
        worker.host.beginShutdown(whenDone: whenDone)
    }

    /// Ends all calls, as at the end of a shutdown's grace.
    ///
    /// - Returns: number of calls ended.
    package func endCalls() -> Int { worker.endCalls() }

    /// Ends the worker: all of its connections close, and it takes no more turns.
    package func stop() { worker.stop() }

    /// The worker's counts, as a report of the whole data plane.
    package func report() -> TrafficReport {
        var report = TrafficReport()
        worker.contribute(to: &report)
        return report
    }

    // MARK: Inspection

    /// What the calls of a release's step have come to.
    package var statistics: StepStatistics { worker.book.statistics }

    /// What the calls of the newest epoch have come to.
    package var newestStatistics: StepStatistics { worker.book.newestStatistics }

    /// What the active color has answered in the minutes before.
    package var servedBefore: StepStatistics { worker.book.served.past }

    /// Returns once the access log has all lines handed over so far.
    package func flushAccessLog() async { await accessLog?.flush() }

    /// The rules that must hold of the worker between two turns, and don't.
    package func faults() -> [String] { WorkerAudit(worker).faults }

    /// Calls that began on a color before an epoch and whose clients wait for an answer.
    package func unanswered(on color: Color, before epoch: UInt64) -> Int {
        worker.book.calls.count { call in
            guard case .open = call.client else { return false }
            return call.destination.map { $0.color == color && $0.epoch < epoch && !call.isAnswered } ?? false
        }
    }

    /// What is left in a worker that has no calls and connections; it should be nothing.
    package func leftovers() -> [String] { WorkerAudit.leftovers(worker) }

    /// The worker itself, to see whether it is released with this object.
    package var identity: AnyObject { worker }
}

extension ConnectionRegistry {
    /// - Parameter workers: the first is the one that accepts connections.
    package convenience init(of workers: [SteppedWorker]) {
        self.init(home: workers[0].worker.host, hosts: workers.map(\.worker.host))
    }

    package func named(_ peer: Peer, onStepped worker: SteppedWorker, refuse: @escaping @Sendable () -> Void) {
        named(peer, on: worker.worker.host, refuse: refuse)
    }
}

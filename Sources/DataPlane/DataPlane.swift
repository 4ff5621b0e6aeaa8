import Connections
import EventLoop
import Ground
import Synchronization
import TLS

/// Takes clients' connections and forwards their calls: the workers, the listening socket, and the functions that ask
/// the workers.
///
/// Any thread may call its functions. Workers start with `start()` and end with `shutDown(_:until:)`.
package final class DataPlane: TrafficControl {
    /// The outcome of a shutdown.
    package struct ShutdownOutcome: Sendable, Equatable {
        /// Number of calls that ended by themselves.
        package var finished: Int
        /// Number of calls that the Proxy ended because the grace was over.
        package var ended: Int
    }

    /// The reason why the data plane can't be set up.
    package struct SetUpError: Error, CustomStringConvertible {
        /// The part that can't be set up.
        package enum Cause: Sendable {
            /// The system has no room for the workers.
            case workers
            /// The access log can't be opened.
            case accessLog
        }

        /// The part that can't be set up.
        package var cause: Cause
        package var description: String
    }

    /// What happens to connections that nobody has accepted yet when the data plane stops accepting.
    package enum Ending: Sendable {
        /// They are served too; nobody listens after that.
        case last
        /// Another process takes them.
        case succeeded
    }

    /// The sockets that clients connect to.
    package struct Listeners: Sendable {
        /// The one for everybody.
        package var main: ListeningSocket
        /// The one whose calls go to the color that isn't active, if there is one.
        package var preview: ListeningSocket?

        package init(main: ListeningSocket, preview: ListeningSocket? = nil) {
            self.main = main
            self.preview = preview
        }
    }

    /// The address that clients connect to, with the actual port.
    package let address: Endpoint
    /// The address whose calls go to the color that isn't active, with the actual port; `nil` if there is none.
    package let previewAddress: Endpoint?

    private let workers: [Worker]
    private let registry: ConnectionRegistry
    /// The sockets until `shutDown(_:until:)`; `nil` after that.
    private let openListeners: Mutex<Listeners?>
    private let accessLog: AccessLog?
    private let log: @Sendable (NotableEvent) -> Void
    /// Set on the first worker's thread in `start()`, used there only.
    private let acceptors = Mutex<[LoopConfined<Acceptor>]>([])
    /// The number given to the last wait for the end of calls.
    private let waitCount = Atomic<UInt64>(0)

    /// Makes the workers and opens the access log; nothing runs yet.
    ///
    /// - Parameters:
    ///   - takeCopies: takes what copies have come to, on any worker's thread; it must not block.
    ///   - log: takes events worth a log line, on any worker's thread; it must not block.
    /// - Throws: `SetUpError` with one sentence that names the file.
    package init(
        configuration: DataPlaneConfiguration, listeners: Listeners, route: RouteWord,
        takeCopies: @escaping @Sendable ([CopyOutcome]) -> Void = { _ in },
        log: @escaping @Sendable (NotableEvent) -> Void
    ) throws(SetUpError) {
        precondition(configuration.workers >= 1, "the data plane has at least one worker")
        precondition(Color.allCases.allSatisfy { !configuration.endpoints[$0].isEmpty }, "each color has an endpoint")
        self.log = log
        openListeners = Mutex(listeners)
        address = listeners.main.address
        previewAddress = listeners.preview?.address
        let resolver = Resolver()
        let accessLog = try Self.openAccessLog(configuration.accessLog, log)
        self.accessLog = accessLog
        do {
            workers = try (0..<configuration.workers).map { _ in
                try Worker(
                    configuration: configuration, routeWord: route, resolver: resolver, accessLog: accessLog,
                    takeCopies: takeCopies, log: log)
            }
        } catch {
            throw SetUpError(cause: .workers, description: "\(error)")
        }
        registry = ConnectionRegistry(home: workers[0].host, hosts: workers.map(\.host))
    }

    /// The sockets for a process that takes over from this one; `nil` once no more connections are taken.
    package var listeners: Listeners? { openListeners.withLock { $0 } }

    private static func openAccessLog(
        _ destination: AccessLogDestination, _ log: @escaping @Sendable (NotableEvent) -> Void
    ) throws(SetUpError) -> AccessLog? {
        do {
            return try AccessLog.open(destination, report: log)
        } catch {
            throw SetUpError(cause: .accessLog, description: error.description)
        }
    }

    /// Starts the workers' threads and begins to take connections.
    package func start() throws {
        for (index, worker) in workers.enumerated() {
            try LoopThread.start("worker-\(index)") { worker.loop.run() }
        }
        let home = workers[0]
        guard let listeners else { preconditionFailure("the data plane starts before it ends") }
        home.loop.mailbox.post { [self] in
            accept(from: listeners.main, .main)
            if let preview = listeners.preview { accept(from: preview, .preview) }
        }
    }

    /// Called on the first worker's thread.
    private func accept(from listener: ListeningSocket, _ door: Door) {
        do {
            let acceptor = LoopConfined(
                try Acceptor(
                    listener: listener.socket, door: door, home: workers[0].host, hosts: workers.map(\.host),
                    registry: registry))
            acceptors.withLock { $0.append(acceptor) }
        } catch {
            log(NotableEvent(.error, "can't accept connections", [("reason", "\(error)")]))
        }
    }

    // MARK: TrafficControl

    package func publish(health: PerColor<[Bool]>) {
        for worker in workers {
            worker.loop.mailbox.post { worker.publish(health: health) }
        }
    }

    package func publish(shadow: ShadowRule?) {
        for worker in workers {
            worker.loop.mailbox.post { worker.publish(shadow: shadow) }
        }
    }

    package func report() async -> TrafficReport {
        var report = TrafficReport()
        for (index, worker) in workers.enumerated() {
            report = await worker.host.onLoop(else: report) { [report, registry] in
                var report = report
                worker.contribute(to: &report)
                // The first worker's thread is also the registry's.
                if index == 0 { registry.contribute(to: &report) }
                return report
            }
        }
        report.inFlight.sort { $0.epoch < $1.epoch }
        return report
    }

    package func ownReport() async -> TrafficReport { await report() }

    package func stepStatistics() async -> StepStatistics {
        var all = StepStatistics()
        for worker in workers {
            all.add(await worker.host.onLoop(else: StepStatistics()) { worker.book.newestStatistics })
        }
        return all
    }

    package func servedBefore() async -> StepStatistics {
        var all = StepStatistics()
        for worker in workers {
            all.add(await worker.host.onLoop(else: StepStatistics()) { worker.book.served.past })
        }
        return all
    }

    /// Puts new certificates in force for clients that connect from now on; existing connections go on with the old
    /// ones.
    package func publish(tls: TLSContext) {
        for worker in workers {
            worker.loop.mailbox.post { worker.publish(tls: tls) }
        }
    }

    /// As `publish(tls:)`, for connections to upstreams.
    package func publish(upstreamTLS: TLSContext) {
        for worker in workers {
            worker.loop.mailbox.post { worker.publish(upstreamTLS: upstreamTLS) }
        }
    }

    /// Puts other limits in force. Timeouts and totals apply to everything from now on; a connection keeps the windows,
    /// header list limits, stream limits and budgets that it was made with.
    package func publish(limits: DataPlaneLimits, failover: Bool) {
        for worker in workers {
            worker.loop.mailbox.post { worker.publish(limits: limits, failover: failover) }
        }
    }

    // MARK: Draining a color

    package func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        for worker in workers {
            worker.loop.mailbox.post { worker.colorDrain.begin(on: color, before: epoch, over: spread) }
        }
    }

    package func cancelDrain() {
        for worker in workers {
            worker.loop.mailbox.post { worker.colorDrain.cancel() }
        }
    }

    package func waitUntilDrained(_ color: Color, before epoch: UInt64, _ scope: CallScope) async -> Bool {
        let number = waitCount.add(1, ordering: .relaxed).newValue
        // One after the other: a worker that has no such call left gets none any more.
        for worker in workers {
            let drained = OneTimeEvent()
            let accepted = worker.loop.mailbox.post {
                worker.book.wait(number, untilDrained: color, before: epoch, scope, whenDrained: drained.set)
            }
            // A worker that has ended has no calls.
            guard accepted else { continue }
            await drained.wait()
            guard drained.isSet else {
                worker.loop.mailbox.post { worker.book.stopWaiting(number) }
                return false
            }
        }
        return true
    }

    // MARK: Shutdown

    /// Stops taking connections, announces the end to every client in two steps and lets calls finish until the time is
    /// up; then ends the rest with UNAVAILABLE, and stops the workers.
    ///
    /// - Parameter timeIsUp: returns when calls have had enough time; cancelled if they need no more.
    package func shutDown(
        _ ending: Ending, until timeIsUp: @escaping @Sendable () async -> Void
    ) async -> ShutdownOutcome {
        await workers[0].host.onLoop(else: ()) { [self] in
            let last = acceptors.withLock { acceptors in
                defer { acceptors = [] }
                return acceptors
            }
            for acceptor in last { acceptor.value.stop(takesWaiting: ending == .last) }
            openListeners.withLock { $0 = nil }
        }
        let before = await report().workers.reduce(0) { $0 + $1.callsInFlight }
        let allLeft = await ConnectionHost.clientsLeave(workers.map(\.host), until: timeIsUp)
        var ended = 0
        if !allLeft {
            for worker in workers {
                ended += await worker.host.onLoop(else: 0) { worker.endCalls() }
            }
            // Time for the last answers to leave; a client that doesn't read them can't hold up the end.
            _ = await ConnectionHost.clientsLeave(workers.map(\.host)) { try? await Task.sleep(for: .seconds(1)) }
        }
        for worker in workers {
            await worker.host.onLoop(else: ()) { worker.stop() }
        }
        await accessLog?.flush()
        return ShutdownOutcome(finished: max(0, before - ended), ended: ended)
    }
}

import Connections
import EventLoop
import Ground
import Synchronization
import TLS

/// A gRPC server: workers, each with an event loop and a share of the connections, and a pool for long work.
///
/// Any thread may call its functions. It begins with `start()` and ends with `shutDown(until:)`.
package final class GRPCServer: Sendable {
    /// What a shutdown has come to.
    package struct ShutdownOutcome: Sendable, Equatable {
        /// Number of calls that were answered UNAVAILABLE because the grace was over.
        package var ended: Int
    }

    /// The addresses, with the actual ports.
    package let addresses: [HostPort]
    package let methods: MethodTable
    private let workers: [GRPCWorker]
    private let pool: WorkPool
    private let registry: ConnectionRegistry
    private let log: @Sendable (NotableEvent) -> Void
    private let listeners: Mutex<[ListeningSocket]>
    /// Set on the first worker's thread in `start()`, used there only.
    private let acceptors = Mutex<[LoopConfined<Acceptor>]>([])

    /// Makes the workers; nothing runs yet.
    ///
    /// - Parameter log: takes events worth a log line, on any worker's thread; it must not block.
    package init(
        configuration: GRPCServerConfiguration, methods: MethodTable, listeners: [ListeningSocket],
        log: @escaping @Sendable (NotableEvent) -> Void
    ) throws(SystemError) {
        precondition(configuration.workers >= 1 && configuration.poolThreads >= 1, "somebody does the work")
        self.methods = methods
        self.log = log
        addresses = listeners.map(\.address)
        self.listeners = Mutex(listeners)
        let pool = try WorkPool(threads: configuration.poolThreads, mostBytes: configuration.maxBufferedBytes / 2)
        self.pool = pool
        var workers: [GRPCWorker] = []
        for _ in 0..<configuration.workers {
            workers.append(try GRPCWorker(configuration: configuration, methods: methods, pool: pool, log: log))
        }
        self.workers = workers
        registry = ConnectionRegistry(home: workers[0].host, hosts: workers.map(\.host))
    }

    /// Starts the workers' threads and begins to take connections.
    package func start() throws(SystemError) {
        for (index, worker) in workers.enumerated() {
            try LoopThread.start("grpc-\(index)") { worker.host.loop.run() }
        }
        workers[0].host.loop.mailbox.post { [self] in
            for listener in listeners.withLock({ $0 }) { accept(from: listener) }
        }
    }

    /// Called on the first worker's thread.
    private func accept(from listener: ListeningSocket) {
        do {
            let acceptor = LoopConfined(
                try Acceptor(
                    listener: listener.socket, door: .main, home: workers[0].host, hosts: workers.map(\.host),
                    registry: registry))
            acceptors.withLock { $0.append(acceptor) }
        } catch {
            log(NotableEvent(.error, "can't accept connections", [("reason", "\(error)")]))
        }
    }

    /// Puts new certificates in force for clients that connect from now on.
    package func publish(tls: TLSContext) {
        for worker in workers { worker.host.loop.mailbox.post { worker.host.tls = tls } }
    }

    /// How many calls have ended, and how many are under way.
    package func report() async -> (counts: CallCounts, inFlight: Int, connections: Int) {
        var all = (counts: CallCounts(methods: methods.methods.count), inFlight: 0, connections: 0)
        for worker in workers {
            let fallback = (CallCounts(methods: methods.methods.count), 0, 0)
            let own = await worker.host.onLoop(else: fallback) {
                (worker.counts, worker.callsInFlight, worker.host.clients.count)
            }
            all.counts += own.0
            all.inFlight += own.1
            all.connections += own.2
        }
        return all
    }

    // MARK: The end

    /// Stops taking connections, announces the end to every client in two steps (RFC 9113, section 6.8) and lets calls
    /// finish until the time is up; then answers the rest with UNAVAILABLE, and stops the workers.
    ///
    /// - Parameter timeIsUp: returns when calls have had enough time; cancelled if they need no more.
    package func shutDown(until timeIsUp: @escaping @Sendable () async -> Void) async -> ShutdownOutcome {
        await workers[0].host.onLoop(else: ()) { [self] in
            let last = acceptors.withLock { acceptors in
                defer { acceptors = [] }
                return acceptors
            }
            for acceptor in last { acceptor.value.stop(takesWaiting: true) }
            listeners.withLock { $0 = [] }
        }
        var ended = 0
        if await !ConnectionHost.clientsLeave(workers.map(\.host), until: timeIsUp) {
            for worker in workers { ended += await worker.host.onLoop(else: 0) { worker.endCalls() } }
            // Time for the last answers to leave; a client that doesn't read them can't hold up the end.
            _ = await ConnectionHost.clientsLeave(workers.map(\.host)) { try? await Task.sleep(for: .seconds(1)) }
        }
        for worker in workers { await worker.host.onLoop(else: ()) { worker.stop() } }
        pool.stop()
        return ShutdownOutcome(ended: ended)
    }
}

import Connections
import EventLoop

/// A worker's connections to one endpoint for copies, and the copies that wait for one. Confined to the worker's thread.
final class CopyPool {
    private enum Attempt {
        case none
        /// The last attempt has failed: the next may begin when the timer fires. Copies don't wait meanwhile.
        case pausing
        case resolving(timeout: TimerID)
        case connecting(CopyConnection, rest: ArraySlice<SocketAddress>, timeout: TimerID)
    }

    let endpoint: Endpoint
    /// Unchecked, both of them, because every copy goes through them; a pool lives no longer than they do.
    @safe unowned(unsafe) let copier: Copier
    @safe private unowned(unsafe) let worker: Worker
    /// Those that take copies.
    private var connections: [CopyConnection] = []
    /// All of them, so that each lives as long as its socket.
    private(set) var open = ConnectionTable<CopyConnection>()
    private(set) var waiting: [CopyLeg] = []
    private var attempt = Attempt.none
    private var backoff: Backoff

    /// The most connections that take copies, and the most of all.
    private static let mostTaking = 4
    private static let mostOpen = 12
    /// The most copies that wait: more would be late in any case.
    private static let mostWaiting = 512

    init(endpoint: Endpoint, copier: Copier, worker: Worker) {
        self.endpoint = endpoint
        self.copier = copier
        self.worker = worker
        backoff = Backoff(shortest: worker.limits.minConnectBackoff, longest: worker.limits.maxConnectBackoff)
    }

    /// Whether a copy has a chance: after a failed attempt to connect none waits for the next one.
    var takesCopies: Bool {
        guard case .pausing = attempt else { return true }
        return connections.contains { $0.hasRoom() }
    }

    /// Gives a leg its stream, or makes it wait for a connection.
    func start(_ leg: CopyLeg) {
        if let connection = connections.first(where: { $0.hasRoom() }) { return connection.start(leg) }
        if case .pausing = attempt { return leg.copy.giveUp(leg, .unreachable) }
        guard waiting.count < Self.mostWaiting else { return leg.copy.giveUp(leg, .memory) }
        leg.waits(at: self)
        waiting.append(leg)
        connectIfNeeded()
    }

    /// Takes a leg out of the queue.
    func remove(_ leg: CopyLeg) { waiting.removeAll { $0 === leg } }

    /// Gives up those of the legs that wait for which this holds, in one pass.
    func giveUpWaiting(_ why: CopyEnd, where isMeant: (CopyLeg) -> Bool) {
        guard waiting.contains(where: isMeant) else { return }
        let all = waiting
        waiting = []
        for leg in all {
            guard isMeant(leg) else {
                waiting.append(leg)
                continue
            }
            leg.closed()
            leg.copy.giveUp(leg, why)
        }
    }

    /// Gives up the legs whose copies are of another epoch, and whose requests still come in.
    func giveUpUnfinished(exceptOf epoch: UInt64?) {
        for leg in open.values.flatMap(\.legs) where leg.copy.epoch != epoch && !leg.copy.requestHasEnded {
            leg.copy.giveUp(leg, .cancelled)
        }
    }

    /// Serves the legs that wait, as a connection may have room.
    func roomWasMade() {
        var served = 0
        while served < waiting.count, let connection = connections.first(where: { $0.hasRoom() }) {
            let leg = waiting[served]
            served += 1
            leg.closed()
            connection.start(leg)
        }
        waiting.removeFirst(served)
        connectIfNeeded()
    }

    func sweep(_ now: MonotonicTime) {
        for connection in open.values { connection.sweep(now) }
        giveUpWaiting(.late) { copier.isLate($0, now) }
        for leg in open.values.flatMap(\.legs) where copier.isLate(leg, now) { leg.copy.giveUp(leg, .late) }
    }

    /// Gives up all copies and closes the connections, at the end of the process.
    func closeAll() {
        giveUpWaiting(.shutdown) { _ in true }
        for connection in open.values {
            for leg in connection.legs { leg.copy.giveUp(leg, .shutdown) }
            connection.finish()
        }
    }

    // MARK: Connecting

    private func connectIfNeeded() {
        guard !waiting.isEmpty, case .none = attempt, connections.count < Self.mostTaking, open.count < Self.mostOpen
        else { return }
        let timeout = worker.loop.schedule(after: worker.limits.connectTimeout) { [unowned self] in attemptFailed() }
        attempt = .resolving(timeout: timeout)
        worker.resolve(endpoint) { [unowned self] outcome in
            // An answer that comes too late is another attempt's business, or nobody's.
            guard case .resolving(let current) = attempt, current == timeout else { return }
            worker.loop.cancel(timeout)
            switch outcome {
            case .addresses(let addresses): connect(to: addresses[...])
            case .failed: attemptFailed()
            }
        }
    }

    private func connect(to addresses: ArraySlice<SocketAddress>) {
        guard let address = addresses.first else { return attemptFailed() }
        do {
            let connection = try CopyConnection(to: address, pool: self, worker: worker)
            open.insert(connection)
            let timeout = worker.loop.schedule(after: worker.limits.connectTimeout) { connection.close("timed out") }
            attempt = .connecting(connection, rest: addresses.dropFirst(), timeout: timeout)
        } catch {
            connect(to: addresses.dropFirst())
        }
    }

    private func attemptFailed() {
        attempt = .pausing
        _ = worker.loop.schedule(after: backoff.failed(using: &worker.random)) { [unowned self] in
            attempt = .none
            connectIfNeeded()
        }
        giveUpWaiting(.unreachable) { _ in true }
    }

    // MARK: Changes of the connections

    func connectionIsReady(_ connection: CopyConnection) {
        guard case .connecting(let current, _, let timeout) = attempt, current === connection else { return }
        worker.loop.cancel(timeout)
        attempt = .none
        backoff.succeeded()
        connections.append(connection)
        roomWasMade()
    }

    /// Continues with the next address after a connection that never became ready.
    func connectionFailed(_ connection: CopyConnection) {
        guard case .connecting(let current, let rest, let timeout) = attempt, current === connection else { return }
        worker.loop.cancel(timeout)
        attempt = .none
        connect(to: rest)
    }

    /// A connection takes no more copies.
    func connectionLeaves(_ connection: CopyConnection) { connections.removeAll { $0 === connection } }

    /// A connection is closed.
    func connectionEnded(_ connection: CopyConnection) {
        connectionLeaves(connection)
        open.remove(connection)
        connectIfNeeded()
    }
}

import EventLoop
import HTTP2

/// One worker's connections to one endpoint, and the calls that wait for one.
///
/// One connection is filled up to its stream limit before the next is opened: fewer connections mean fewer system calls
/// for the same calls. At most one connection is being made at a time. Confined to its worker's thread.
final class EndpointPool {
    private enum Attempt {
        case none
        /// The last one has failed: the next may begin when the timer fires.
        case pausing
        case resolving
        /// Trying one address, with those still to try.
        case connecting(UpstreamConnection, rest: [SocketAddress], timeout: TimerID)
    }

    let color: Color
    let index: Int
    let endpoint: Endpoint
    /// As messages call it: `blue (127.0.0.1:50051)`.
    let name: String

    /// Unchecked, because every call goes through it: pools go with their worker.
    private unowned(unsafe) let worker: Worker
    private var connections: [Lent<UpstreamConnection>] = []
    private var attempt = Attempt.none
    /// Calls in the order they came; one that was abandoned leaves a gap.
    private var waiting: [Call] = []
    private var waitingCount = 0
    /// Why the last attempt failed.
    private(set) var lastFailure: Failure?
    private var backoff: Backoff
    /// How large the endpoint's responses have been.
    var responses = ResponseSizeGuess()
    /// Calls lost and connections not made, in a row.
    private var failuresInARow = 0
    private var ejectedUntil: MonotonicTime?

    init(endpoint: Endpoint, color: Color, index: Int, worker: Worker) {
        self.endpoint = endpoint
        self.color = color
        self.index = index
        self.worker = worker
        name = "\(color) (\(endpoint))"
        backoff = Backoff(shortest: worker.limits.minConnectBackoff, longest: worker.limits.maxConnectBackoff)
    }

    /// Takes over the worker's limits, which have changed.
    func limitsChanged() {
        backoff.shortest = worker.limits.minConnectBackoff
        backoff.longest = worker.limits.maxConnectBackoff
    }

    /// Calls on the connections, and waiting.
    var load: Int { connections.reduce(waitingCount) { $0 + $1.use { $0.calls.count } } }

    var connectionCount: Int { connections.count }

    // MARK: Passive health

    /// Whether calls should go elsewhere for now, where there is an elsewhere.
    var isEjected: Bool { ejectedUntil.map { worker.loop.now < $0 } ?? false }

    /// The endpoint has begun to answer a call.
    func callSucceeded() {
        failuresInARow = 0
        ejectedUntil = nil
    }

    /// The endpoint has lost a call, or couldn't be reached.
    func countFailure() {
        failuresInARow += 1
        guard failuresInARow >= worker.limits.ejectionThreshold, !isEjected else { return }
        ejectedUntil = worker.loop.now + worker.limits.ejectionTime
        worker.report(
            .warning, "passing an endpoint over",
            [
                ("color", color.name), ("endpoint", endpoint.description), ("failures", String(failuresInARow)),
                ("for", "\(worker.limits.ejectionTime)"),
            ])
    }

    // MARK: Calls

    /// Places a call on a connection with room, or has it wait for one.
    func dispatch(_ call: Call) {
        if let connection = connectionWithRoom, let head = call.requestHead {
            return connection.use { $0.start(call, head: head) }
        }
        call.upstream = .waiting(Lent(self))
        waiting.append(call)
        waitingCount += 1
        connectIfNeeded()
    }

    /// The first one that takes another call.
    private var connectionWithRoom: Lent<UpstreamConnection>? {
        // By index, as an iterator counts a reference to what it goes through.
        for index in connections.indices where connections[index].use({ $0.hasRoom() }) { return connections[index] }
        return nil
    }

    /// A call that waits here has lost its client.
    func abandon(_ call: Call) {
        waitingCount -= 1
        if waitingCount == 0 { waiting.removeAll(keepingCapacity: true) }
    }

    /// A stream on one of the connections has ended.
    func roomWasMade() {
        if waitingCount > 0 { serveWaiting() }
    }

    /// Has a connection ready before the first call needs it.
    func warmUp() {
        if connections.isEmpty, case .none = attempt { connect() }
    }

    private func serveWaiting() {
        var served = 0
        for call in waiting {
            guard isWaiting(call), let head = call.requestHead else {
                served += 1
                continue
            }
            guard let connection = connectionWithRoom else { break }
            served += 1
            waitingCount -= 1
            connection.use { $0.start(call, head: head) }
        }
        waiting.removeFirst(served)
        connectIfNeeded()
    }

    /// Whether a call still waits here: its client may have left, and it may have begun to wait elsewhere.
    private func isWaiting(_ call: Call) -> Bool {
        guard case .waiting(let pool) = call.upstream else { return false }
        return pool.use { $0 === self }
    }

    // MARK: Connecting

    private func connectIfNeeded() {
        guard waitingCount > 0, case .none = attempt, connections.count < worker.limits.maxConnectionsPerEndpoint
        else { return }
        connect()
    }

    private func connect() {
        attempt = .resolving
        worker.resolve(endpoint) { [unowned self] outcome in
            switch outcome {
            case .addresses(let addresses): connect(to: addresses[...])
            case .failed(let reason): attemptFailed(.unreachable, "the name can't be resolved: \(reason)")
            }
        }
    }

    private func connect(to addresses: ArraySlice<SocketAddress>) {
        guard let address = addresses.first else { return attemptFailed(.unreachable, "no address") }
        do {
            let connection = try UpstreamConnection(to: address, pool: self, worker: worker)
            let timeout = worker.loop.schedule(after: worker.limits.connectTimeout) { [unowned self] in
                timeOut(connection)
            }
            attempt = .connecting(connection, rest: Array(addresses.dropFirst()), timeout: timeout)
        } catch {
            tryNext(Array(addresses.dropFirst()), .unreachable, "\(error)")
        }
    }

    private func timeOut(_ connection: UpstreamConnection) {
        guard case .connecting(let current, let rest, _) = attempt, current === connection else { return }
        attempt = .none
        connection.close("timed out")
        tryNext(rest, .timeout, "no HTTP/2 connection within \(worker.limits.connectTimeout)")
    }

    private func tryNext(_ rest: [SocketAddress], _ kind: Failure.Kind, _ reason: String) {
        if rest.isEmpty { attemptFailed(kind, reason) } else { connect(to: rest[...]) }
    }

    /// The attempt is over: every call that waits is placed elsewhere, or fails. Calls that come before the next attempt
    /// wait for it.
    private func attemptFailed(_ kind: Failure.Kind, _ reason: String) {
        attempt = .pausing
        _ = worker.loop.schedule(after: backoff.failed(using: &worker.random)) { [unowned self] in
            attempt = .none
            connectIfNeeded()
        }
        countFailure()
        lastFailure = Failure(kind: kind, message: "\(endpoint): \(reason)")
        let calls = waiting
        waiting = []
        waitingCount = 0
        for call in calls {
            guard isWaiting(call) else { continue }
            call.upstream = .none
            call.triedEndpoints |= Call.bit(ofEndpoint: index)
            worker.placeAgain(call)
        }
    }

    // MARK: What becomes of the connections

    func connectionIsReady(_ connection: UpstreamConnection) {
        guard case .connecting(let current, _, let timeout) = attempt, current === connection else { return }
        worker.loop.cancel(timeout)
        attempt = .none
        lastFailure = nil
        backoff.succeeded()
        connections.append(Lent(connection))
        serveWaiting()
    }

    /// A connection never became ready.
    func connectionFailed(_ connection: UpstreamConnection, _ reason: String) {
        guard case .connecting(let current, let rest, let timeout) = attempt, current === connection else { return }
        worker.loop.cancel(timeout)
        attempt = .none
        tryNext(rest, .unreachable, reason)
    }

    func connectionIsDraining(_ connection: UpstreamConnection) {
        remove(connection)
    }

    func connectionIsLost(_ connection: UpstreamConnection) {
        remove(connection)
        connectIfNeeded()
    }

    /// Closes all connections at the end of the process, when no call is left.
    func closeAll() {
        for connection in connections { connection.object.closeAfterGoAway(.noError) }
    }

    private func remove(_ connection: UpstreamConnection) {
        connections.removeAll { $0.use { $0 === connection } }
    }
}

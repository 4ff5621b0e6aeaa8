import Connections
import EventLoop
import Ground
import HTTP2

/// One worker's connections to one endpoint, and the calls that wait for a place on one.
///
/// One connection is filled to its stream limit before the next is opened: fewer connections mean fewer system calls
/// for the same calls. At most one connection is being made at a time. Confined to its worker's thread.
final class EndpointPool {
    private enum Attempt {
        case none
        /// The last attempt has failed: the next may begin when the timer fires.
        case pausing
        case resolving(timeout: TimerID)
        /// One address is being tried, with `rest` still to try.
        case connecting(UpstreamConnection, rest: [SocketAddress], timeout: TimerID)
    }

    let color: Color
    let index: Int
    let endpoint: Endpoint
    /// The endpoint's name in messages: `blue (127.0.0.1:50051)`.
    let name: String

    /// Unchecked because every call goes through it; a pool lives as long as its worker.
    @safe private unowned(unsafe) let worker: Worker
    private(set) var connections: [Lent<UpstreamConnection>] = []
    private var attempt = Attempt.none
    /// Time at which the latest attempt began.
    private var attemptBegan: MonotonicTime?
    /// Whether the health checks say that the endpoint may be given calls.
    private(set) var isHealthy = true
    private(set) var waiting = WaitingCalls<Peer, UInt64, Call>()
    /// Time of the last connection attempt that was made to replace a connection whose resets are nearly used up.
    private var lastReplacement: MonotonicTime?
    /// Why the last attempt failed.
    private(set) var lastFailure: ProxyAnswer?
    private var backoff: Backoff
    /// Guess at whether the endpoint's next response is large.
    var responses = ResponseSizeGuess()
    /// Calls lost and connection attempts failed, in a row.
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

    /// Adopts the worker's changed limits.
    func limitsChanged() {
        backoff.shortest = worker.limits.minConnectBackoff
        backoff.longest = worker.limits.maxConnectBackoff
    }

    /// Number of calls, both on the connections and waiting.
    var load: Int { connections.reduce(waiting.count) { $0 + $1.use { $0.calls.count } } }

    var connectionCount: Int { connections.count }

    // MARK: Passive health

    /// Whether calls should go elsewhere for now, if there is an alternative.
    var isEjected: Bool { ejectedUntil.map { worker.loop.now < $0 } ?? false }

    /// Records that the endpoint has begun to answer a call.
    func callSucceeded() {
        failuresInARow = 0
        ejectedUntil = nil
    }

    /// Records that the endpoint has lost a call or couldn't be reached.
    func countFailure() {
        failuresInARow += 1
        guard failuresInARow >= worker.limits.ejectionThreshold, !isEjected else { return }
        ejectedUntil = worker.loop.now + worker.limits.ejectionTime
        worker.host.log.report(
            .warning, "passing an endpoint over",
            [
                ("color", color.name), ("endpoint", endpoint.description), ("failures", String(failuresInARow)),
                ("for", "\(worker.limits.ejectionTime)"),
            ])
    }

    // MARK: Active health

    /// Adopts the word of the health checks. An endpoint that is well again gets its first connection before its first
    /// call.
    func healthChanged(to isHealthy: Bool) {
        guard isHealthy != self.isHealthy else { return }
        self.isHealthy = isHealthy
        if isHealthy { return warmUp() }
        for connection in connections { connection.use { $0.prove() } }
        giveUpIfDown()
    }

    /// Time that an endpoint whose health checks fail has for a connection, before calls stop waiting for it.
    private static let patience = Duration.milliseconds(500)

    /// Whether the endpoint is known to be down: its health checks fail, and it takes no connection or answers on none.
    ///
    /// Calls don't wait for such an endpoint: they go elsewhere or fail at once, as a client with a deadline of a few
    /// seconds would otherwise learn nothing but DEADLINE_EXCEEDED. Attempts go on behind them, so that health checks
    /// that are wrong stop nothing for long.
    private var isDown: Bool {
        guard !isHealthy else { return false }
        guard connections.isEmpty else { return connections.allSatisfy { $0.use { $0.isSilent } } }
        if lastFailure != nil { return true }
        guard let attemptBegan else { return false }
        switch attempt {
        case .none: return false
        case .pausing, .resolving, .connecting: return worker.loop.now > attemptBegan + Self.patience
        }
    }

    private func giveUpIfDown() {
        guard !waiting.isEmpty, isDown else { return }
        placeWaitingElsewhere()
    }

    // MARK: Calls

    /// Places a call on a connection with room, or makes it wait for one.
    func dispatch(_ call: Call) {
        if let connection = connectionWithRoom, let head = call.requestHead {
            return connection.use { $0.start(call, head: head) }
        }
        if isDown {
            connectIfPossible()
            return placeElsewhere(call)
        }
        wait(call)
        connectIfNeeded()
    }

    /// Queues a call; a full queue may displace another call for it, or refuse it.
    private func wait(_ call: Call) {
        guard case .open(let client, _) = call.client else { return }
        let (number, peer) = client.use { ($0.number, $0.holder) }
        let capacity = worker.limits.maxWaiting
        switch waiting.append(call, of: number, peer, capacity: capacity) {
        case .waits(let ticket):
            waits(call, ticket)
        case .displaces(let other, let ticket):
            waits(call, ticket)
            refuse(other, capacity)
        case .refused:
            refuse(call, capacity)
        }
    }

    private func waits(_ call: Call, _ ticket: WaitingCalls<Peer, UInt64, Call>.Ticket) {
        call.upstream = .waiting(Lent(self), ticket)
        call.waitingSince = call.waitingSince ?? worker.loop.now
    }

    private func refuse(_ call: Call, _ capacity: Int) {
        call.upstream = .none
        worker.host.log.count(.waiting)
        call.fail(
            .ended(.queueFull, "\(capacity) calls wait for a place at \(name) already", using: &worker.random), worker)
    }

    /// Answers the calls that have waited too long. Called a few times a second.
    func sweep(_ now: MonotonicTime) {
        giveUpIfDown()
        guard !waiting.isEmpty else { return }
        let timeout = worker.limits.waitTimeout
        var late: [WaitingCalls<Peer, UInt64, Call>.Ticket] = []
        waiting.forEach { call, ticket in
            if let since = call.waitingSince, now > since + timeout { late.append(ticket) }
        }
        for ticket in late {
            let call = waiting.remove(ticket)
            call.upstream = .none
            call.fail(
                .ended(.waitTimeout, "no place at \(name) for \(timeout)", using: &worker.random), worker)
        }
    }

    /// The first connection that takes another call.
    private var connectionWithRoom: Lent<UpstreamConnection>? {
        // An index avoids counting a reference, which an iterator would do.
        for index in connections.indices where connections[index].use({ $0.hasRoom() }) { return connections[index] }
        return nil
    }

    /// Takes a call that is over out of the queue.
    func abandon(_ ticket: WaitingCalls<Peer, UInt64, Call>.Ticket) {
        _ = waiting.remove(ticket)
    }

    /// Serves waiting calls, as a connection may have room again.
    func roomWasMade() {
        if !waiting.isEmpty { serveWaiting() }
    }

    /// Opens a connection before the first call needs it.
    func warmUp() {
        if connections.isEmpty, case .none = attempt { connect() }
    }

    private func serveWaiting() {
        while let connection = connectionWithRoom, let call = waiting.next() {
            guard let head = call.requestHead else { preconditionFailure("a call that waits has its head") }
            call.waitingSince = nil
            connection.use { $0.start(call, head: head) }
        }
        connectIfNeeded()
    }

    // MARK: Connecting

    private func connectIfNeeded() {
        if !waiting.isEmpty { connectIfPossible() }
    }

    private func connectIfPossible() {
        guard case .none = attempt, connections.count - restingCount < worker.limits.maxUpstreamConnections else {
            return
        }
        connect()
    }

    // MARK: Connections whose resets are nearly used up

    /// The most connections that may rest at a time, and the least time between two replacement connections: a client
    /// that abandons calls costs connections, but only within bounds.
    private static let mostResting = 8
    private static let replacementPause = Duration.milliseconds(100)

    private var restingCount: Int { connections.count { $0.use { $0.isResting } } }

    /// Rests a connection that has used half of its resets, as soon as another can take its calls.
    func connectionIsWorn(_ connection: UpstreamConnection) {
        guard restingCount < Self.mostResting else { return }
        let hasOther = connections.contains { $0.use { $0 !== connection && $0.hasRoom() && !$0.isWorn() } }
        if hasOther { return connection.rest() }
        let now = worker.loop.now
        guard case .none = attempt, lastReplacement.map({ now > $0 + Self.replacementPause }) ?? true else { return }
        lastReplacement = now
        connect()
    }

    private func restWorn(exceptFor new: UpstreamConnection) {
        for connection in connections where restingCount < Self.mostResting {
            connection.use { if $0 !== new, $0.isWorn() { $0.rest() } }
        }
    }

    private func connect() {
        attemptBegan = worker.loop.now
        // The system's resolver may take much longer than anybody waits for a connection.
        let limit = worker.limits.connectTimeout
        let timeout = worker.loop.schedule(after: limit) { [unowned self] in
            attemptFailed(.timeout, "the name isn't resolved within \(limit)")
        }
        attempt = .resolving(timeout: timeout)
        worker.resolve(endpoint) { [unowned self] outcome in
            // An answer that comes too late is another attempt's business, or nobody's.
            guard case .resolving(let current) = attempt, current == timeout else { return }
            worker.loop.cancel(timeout)
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

    private func tryNext(_ rest: [SocketAddress], _ kind: ProxyAnswer.Kind, _ reason: String) {
        if rest.isEmpty { attemptFailed(kind, reason) } else { connect(to: rest[...]) }
    }

    /// Ends a failed attempt: every waiting call is placed elsewhere, or fails. Calls that arrive before the next
    /// attempt wait for it.
    private func attemptFailed(_ kind: ProxyAnswer.Kind, _ reason: String) {
        attempt = .pausing
        _ = worker.loop.schedule(after: backoff.failed(using: &worker.random)) { [unowned self] in
            attempt = .none
            connectIfNeeded()
        }
        countFailure()
        lastFailure = ProxyAnswer(kind: kind, message: "\(endpoint): \(reason)")
        placeWaitingElsewhere()
    }

    /// Makes every waiting call try another endpoint, or fail if it has tried all.
    private func placeWaitingElsewhere() {
        // The call to be placed first comes last.
        for call in waiting.removeAll().reversed() { placeElsewhere(call) }
    }

    /// Why calls don't wait for an endpoint to which no attempt to connect has failed.
    private var silence: String {
        "\(endpoint): \(connections.isEmpty ? "no connection so far" : "no answer"), and its health checks fail"
    }

    private func placeElsewhere(_ call: Call) {
        lastFailure = lastFailure ?? ProxyAnswer(kind: .unreachable, message: silence)
        call.upstream = .none
        call.triedEndpoints |= Call.bit(ofEndpoint: index)
        worker.book.placeAgain(call)
    }

    // MARK: Changes of the connections

    func connectionIsReady(_ connection: UpstreamConnection) {
        guard case .connecting(let current, _, let timeout) = attempt, current === connection else { return }
        worker.loop.cancel(timeout)
        attempt = .none
        lastFailure = nil
        backoff.succeeded()
        connections.append(Lent(connection))
        restWorn(exceptFor: connection)
        serveWaiting()
    }

    /// Continues with the next address after a connection that never became ready.
    func connectionFailed(_ connection: UpstreamConnection, _ reason: String) {
        guard case .connecting(let current, let rest, let timeout) = attempt, current === connection else { return }
        worker.loop.cancel(timeout)
        attempt = .none
        tryNext(rest, .unreachable, reason)
    }

    /// A connection takes no more calls: it is lost, or its upstream goes away.
    func connectionLeaves(_ connection: UpstreamConnection) {
        remove(connection)
        connectIfNeeded()
    }

    /// Closes all connections at the end of the process, when no call is left.
    func closeAll() {
        for connection in connections { connection.object.closeAfterGoAway() }
    }

    private func remove(_ connection: UpstreamConnection) {
        connections.removeAll { $0.use { $0 === connection } }
    }
}

import Connections
import EventLoop
import Ground
import HTTP2
import Synchronization
import TLS

/// One event loop with its client connections and its own connections to every endpoint: a call never leaves its
/// worker.
///
/// `Router` decides where calls go, `CallBook` keeps them, `ColorDrain` ends those left over from before a change, and
/// `HeldMemory` those that hold too much memory. The worker has what they share: the connections and the loop's turn.
///
/// `@unchecked Sendable`: everything belongs to the loop's thread, and other threads reach it only through
/// `loop.mailbox`.
final class Worker: @unchecked Sendable {
    /// What all connections share. Its parts that never change are here, too, for direct access.
    let host: ConnectionHost
    let loop: EventLoop
    private(set) var limits: DataPlaneLimits
    let headerLists: HeaderListPool
    let chunks: ChunkPool
    /// The bytes by which the windows of all streams may have grown.
    var windows: WindowBudget

    /// TLS settings for connections to upstreams made from now on; `nil` for plaintext.
    private(set) var upstreamTLS: TLSContext?

    var random: any RandomNumberGenerator
    /// Starts connecting to an upstream.
    let connect: (SocketAddress) throws(SystemError) -> Socket

    /// Whether upstreams are told the identity in a client's certificate.
    let forwardsClientIdentity: Bool
    /// The name of the metadata that may name a call's color; `nil` if none may.
    let routeMetadata: [UInt8]?
    /// Whether clients are told which color answers.
    let announces: Bool
    /// What a release keeps on one color, and the name of the metadata if it is that.
    let stickyKey: StickyKey
    let hasKeys: Bool
    let stickyMetadata: [UInt8]

    private(set) var router: Router
    var book: CallBook
    private(set) lazy var colorDrain = ColorDrain(worker: self)
    /// Makes copies; `nil` if no method may be copied.
    private(set) var copier: Copier?
    var memory = HeldMemory()

    /// Every connection to an upstream, including those still being made and those that take no more calls.
    private(set) var upstreams = ConnectionTable<UpstreamConnection>()

    private let resolver: Resolver

    /// New calls and bytes that a turn takes in before it finishes the work it has: calls that outgrow a core's cache
    /// cost twice as much.
    private static let mostCallsBegun = 256
    private static let mostBytesTaken = 1 << 20
    /// Time between two checks of the time limits.
    static let sweepInterval = Duration.milliseconds(250)

    init(
        configuration: DataPlaneConfiguration, routeWord: RouteWord, resolver: Resolver, accessLog: AccessLog?,
        surroundings: Surroundings = Surroundings(),
        takeCopies: @escaping @Sendable ([CopyOutcome]) -> Void = { _ in },
        log: @escaping @Sendable (NotableEvent) -> Void
    ) throws(SystemError) {
        loop = try EventLoop(time: surroundings.time)
        random = surroundings.random
        connect = surroundings.connect
        loop.busyPoll = configuration.busyPoll
        limits = configuration.limits
        host = ConnectionHost(
            loop: loop, limits: configuration.limits.connections, tls: configuration.tls, log: log)
        headerLists = host.headerLists
        chunks = host.chunks
        windows = WindowBudget(total: configuration.limits.windowBudget)
        upstreamTLS = configuration.upstreamTLS
        forwardsClientIdentity = configuration.forwardsClientIdentity
        routeMetadata = configuration.routeMetadata.map { Array($0.utf8) }
        announces = configuration.announces
        stickyKey = configuration.stickyKey
        hasKeys = stickyKey != .none
        stickyMetadata = if case .metadata(let name) = stickyKey { Array(name.utf8) } else { [] }
        self.resolver = resolver
        let lines = accessLog.map { AccessLogBuffer(log: $0, endpoints: configuration.endpoints) }
        book = CallBook(
            accessLog: lines,
            endpoints: max(configuration.endpoints.blue.count, configuration.endpoints.green.count), hasKeys: hasKeys)
        router = Router(
            endpoints: configuration.endpoints, routeWord: routeWord, failover: configuration.failover)
        router.makePools(of: self, for: configuration.endpoints)
        if !configuration.copies.methods.isEmpty {
            copier = Copier(
                settings: configuration.copies, endpoints: configuration.endpoints, worker: self, handOver: takeCopies)
        }
        host.makeConnection = { [unowned self] (transport, address, door, registration) throws(SystemError) in
            try ClientConnection(
                transport: transport, peerAddress: address, door: door, registration: registration, worker: self)
        }
        loop.endOfTurn = { [unowned self] in endTurn() }
        // Unchecked, because it is asked after every event: whoever runs the loop keeps the worker.
        loop.afterEvent = { [unowned(unsafe) self] in
            if unsafe book.begunSinceSent >= Self.mostCallsBegun || host.bytesTaken >= Self.mostBytesTaken {
                unsafe goOn()
            }
        }
        scheduleSweep()
    }

    // MARK: The loop's turn

    /// Runs in the middle of a busy turn: sends on what has come in, then reads the answers that have arrived
    /// meanwhile, before the loop moves on to the next connections.
    private func goOn() {
        sendQueued()
        for connection in upstreams.values where !connection.calls.isEmpty { connection.read() }
        sendQueued()
    }

    private func sendQueued() {
        host.bytesTaken = 0
        book.sendingBegins()
        placeUnplaced()
        // Flushing one session gives credit to others, which are then dirty too.
        repeat {
            while !host.hasFlushed {
                // Clients come first: if a session reacts to its client by ending a stream, the upstream need not hear
                // of the call at all.
                flushAll(.server)
                flushAll(.client)
            }
        } while endCutShort()
        book.forgetOver()
    }

    private func flushAll(_ role: Session.Role) {
        host.flushAll(role)
        placeUnplaced()
    }

    /// Whether everything queued has been written, as far as the sockets take it.
    var hasFlushed: Bool { host.hasFlushed }

    private func placeUnplaced() {
        while let call = book.nextUnplaced(self) { place(call) }
    }

    /// Resets the streams of responses that were cut short, if their clients have all that came of them. Called once
    /// that has been sent, as far as the clients take it.
    ///
    /// - Returns: whether there were any.
    private func endCutShort() -> Bool {
        guard var call = book.nextCutShort() else { return false }
        while true {
            if case .open(let client, let stream) = call.client { client.use { $0.endCutShort(stream, call) } }
            guard let next = book.nextCutShort() else { return true }
            call = next
        }
    }

    private func endTurn() {
        sendQueued()
        if HeldMemory.isShort(self) {
            memory.relieve(self)
            sendQueued()
        }
        book.endTurn(loop)
        copier?.endTurn()
        host.endTurn()
    }

    private func scheduleSweep() {
        _ = loop.schedule(after: Self.sweepInterval) { [unowned self] in
            host.sweep()
            for connection in upstreams.values { connection.sweep(loop.now) }
            router.sweep(loop.now)
            copier?.sweep(loop.now)
            book.sweep(loop.now)
            scheduleSweep()
        }
    }

    /// Sets which calls are copied from now on; `nil` for none.
    func publish(shadow: ShadowRule?) {
        copier?.publish(shadow)
    }

    // MARK: Connections to upstreams

    /// Starts connecting to an address of an endpoint.
    func transport(to address: SocketAddress, of endpoint: Endpoint) throws -> Transport {
        let socket = try connect(address)
        socket.setKeepAlive()
        let tls = try upstreamTLS.map {
            try TLSConnection(
                client: socket, host: Endpoint.serverName(ofHost: endpoint.host), context: $0, records: host.records)
        }
        return Transport(socket, tls: tls)
    }

    func add(_ connection: UpstreamConnection) {
        upstreams.insert(connection)
    }

    func remove(_ connection: UpstreamConnection) {
        upstreams.remove(connection)
    }

    // MARK: Services for calls and connections

    /// Decides where a call goes.
    ///
    /// - Parameters:
    ///   - head: the call's.
    ///   - hash: the hash by which the call belongs to a release's share or not.
    @inline(__always)
    func begin(_ call: Call, _ head: HeaderList, _ wish: ColorWish, hash: (ShareSecret) -> UInt64) {
        book.begin(call, head, router.destination(for: wish, hash: hash))
    }

    /// Places a call on an endpoint of its color, or answers it if there is none.
    func place(_ call: Call) {
        if let pool = router.choose(for: call) { return pool.use { $0.dispatch(call) } }
        guard let destination = call.destination else { return }
        if case .canary = destination.reason, let fallback = router.fallback(from: destination.color) {
            book.fallBack(call, from: destination, to: fallback)
            return place(call)
        }
        call.fail(router.unreachable(destination.color), self)
    }

    /// Books a call if it is over.
    func finishIfOver(_ call: Call) {
        book.finishIfOver(call, self)
    }

    /// Sets which endpoints may be chosen from now on.
    func publish(health: PerColor<[Bool]>) {
        router.publish(health: health)
    }

    func resolve(_ endpoint: Endpoint, answer: @escaping (Resolver.Outcome) -> Void) {
        if let address = SocketAddress(literal: endpoint.host, port: endpoint.port) {
            return answer(.addresses([address]))
        }
        let answer = LoopConfined(answer)
        resolver.resolve(host: endpoint.host, port: endpoint.port) { [self] outcome in
            loop.mailbox.post { answer.value(outcome) }
        }
    }

    /// Makes an answer fit for its client: if upstreams are not to be revealed, the reason goes to the log alone.
    func concealed(_ answer: ProxyAnswer, _ color: Color?) -> ProxyAnswer {
        guard !limits.revealsUpstream, let color else { return answer }
        var answer = answer
        answer.conceal(
            color, id: String(UInt64.random(in: 1 << 60 ... .max, using: &random), radix: 16))
        if let id = answer.id {
            host.log.reportPaced(
                .warning, "a call has failed",
                [
                    ("id", id), ("color", color.name), ("kind", answer.kind.rawValue),
                    ("reason", answer.message),
                ], now: loop.now)
        }
        return answer
    }

    // MARK: Requests from the control plane

    /// Puts new certificates in force for clients that connect from now on.
    func publish(tls: TLSContext) {
        host.tls = tls
    }

    /// Puts new certificates in force for connections to upstreams made from now on.
    func publish(upstreamTLS: TLSContext) {
        self.upstreamTLS = upstreamTLS
    }

    /// Puts limits in force: times and totals for everything, limits that a connection agrees on for new connections
    /// only.
    func publish(limits: DataPlaneLimits, failover: Bool) {
        self.limits = limits
        host.limits = limits.connections
        windows.total = limits.windowBudget
        router.limitsChanged(failover: failover)
    }

    /// Adds this worker's share to a report.
    func contribute(to report: inout TrafficReport) {
        book.contribute(to: &report)
        router.contribute(to: &report)
        var totals = TrafficReport.WorkerTotals()
        totals.clientConnections = host.clients.count
        totals.acceptedConnections = host.clients.accepted
        totals.callsInFlight = book.ledger.total
        totals.bufferedBytes = HeldMemory.bytes(self)
        host.log.contribute(to: &totals)
        if let copier {
            totals.copies = copier.counts
            // Whoever reads a report goes on from what has been compared.
            copier.deliver()
        }
        report.workers.append(totals)
    }

    // MARK: Shutdown

    /// Answers every open call with UNAVAILABLE.
    ///
    /// - Returns: the number of calls ended.
    func endCalls() -> Int {
        let calls = openCalls
        for call in calls {
            call.end(.ended(.shuttingDown, "the proxy is shutting down", using: &random), self)
        }
        return calls.count
    }

    /// Ends the loop; whatever is still open closes with the process.
    func stop() {
        for client in host.clients.values { client.close("the proxy has shut down") }
        router.closeAll()
        copier?.closeAll()
        endTurn()
        book.close()
        loop.stop()
    }
}

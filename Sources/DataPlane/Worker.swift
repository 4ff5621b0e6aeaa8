import EventLoop
import Ground
import HTTP2
import Synchronization
import TLS

/// One event loop with its client connections and its own connections to every endpoint: a call never leaves its worker.
///
/// `Router` says where calls go, `CallBook` keeps them, `ColorDrain` ends what a change has left, `HeldMemory` what takes too
/// much; this is what they share, the connections, and the loop's turn.
///
/// `@unchecked Sendable`: everything but `openConnections` belongs to the loop's thread, and other threads reach it only
/// through `loop.mailbox`.
///
/// Soundness: `input` and `output` live as long as the worker, and each is used by one connection at a time.
@safe
final class Worker: @unchecked Sendable {
    private enum Shutdown {
        case none
        case waiting(whenDone: @Sendable () -> Void)
        case done
    }

    /// Client connections placed here and not closed yet, also those on their way. The acceptor counts up, the worker
    /// down.
    let openConnections = Atomic<Int>(0)

    let loop: EventLoop
    private(set) var limits: DataPlaneLimits
    let headerLists = HeaderListPool()
    let chunks = ChunkPool()
    let sessionMemory = SessionMemory()
    /// What the windows of all streams may have grown.
    var windows: WindowBudget

    /// Shared by all connections of the worker: one is read, or written, at a time.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 16)
    /// What TLS makes of that.
    let records = RecordBuffer()

    /// For the connections that are made from now on.
    private(set) var upstreamTLS: TLSContext?
    private var tls: TLSContext?

    var random: RandomSource
    /// Begins to connect to an upstream.
    let connect: (SocketAddress) throws(SystemError) -> Socket

    /// Whether upstreams are told who a client is by its certificate.
    let forwardsClientIdentity: Bool

    private(set) var router: Router
    var book: CallBook
    private(set) lazy var colorDrain = ColorDrain(worker: self)
    var memory = HeldMemory()
    var log: WorkerLog

    private(set) var clients = ConnectionTable<ClientConnection>()
    /// Every connection to an upstream, also those being made and those that take no more calls.
    private(set) var upstreams = ConnectionTable<UpstreamConnection>()
    /// What is remembered of clients beyond their connections.
    var peers = PeerTable()
    private var acceptedConnections = 0
    private var clientCount: UInt64 = 0
    private var shutdown = Shutdown.none

    /// Connections whose sessions have something to send at the end of the turn.
    private var dirtyClients: [Connection] = []
    private var dirtyUpstreams: [Connection] = []
    /// Those of them that are being flushed.
    private var flushing: [Connection] = []
    /// Bytes read since what was queued has been sent out the last time.
    var bytesTaken = 0

    private let resolver: Resolver

    /// How much of new work a turn takes in before it goes on with what it has: more calls than are in a core's cache at
    /// a time cost twice as much.
    private static let mostCallsBegun = 256
    private static let mostBytesTaken = 1 << 20
    /// Between two looks at the time limits.
    static let sweepInterval = Duration.milliseconds(250)

    init(
        configuration: DataPlaneConfiguration, routeWord: RouteWord, resolver: Resolver, accessLog: AccessLog?,
        surroundings: Surroundings = Surroundings(), log: @escaping @Sendable (DataPlaneEvent) -> Void
    ) throws(SystemError) {
        loop = try EventLoop(time: surroundings.time)
        random = surroundings.random
        connect = surroundings.connect
        loop.busyPoll = configuration.busyPoll
        limits = configuration.limits
        windows = WindowBudget(total: configuration.limits.windowBudget)
        tls = configuration.tls
        upstreamTLS = configuration.upstreamTLS
        forwardsClientIdentity = configuration.forwardsClientIdentity
        self.resolver = resolver
        self.log = WorkerLog(write: log)
        let lines = accessLog.map { AccessLogBuffer(log: $0, endpoints: configuration.endpoints) }
        book = CallBook(accessLog: lines)
        router = Router(
            endpoints: configuration.endpoints, routeWord: routeWord, failover: configuration.failover)
        router.connect(self, to: configuration.endpoints)
        loop.endOfTurn = { [unowned self] in endTurn() }
        // Unchecked, because it is asked after every event: whoever runs the loop keeps the worker.
        loop.afterEvent = { [unowned(unsafe) self] in
            if unsafe book.begunSinceSent >= Self.mostCallsBegun || bytesTaken >= Self.mostBytesTaken { unsafe goOn() }
        }
        scheduleSweep()
    }

    deinit {
        unsafe input.deallocate()
        unsafe output.deallocate()
    }

    // MARK: The loop's turn

    /// In the midst of a turn with much to do: sends on what has come in, and takes the answers that have come meanwhile
    /// before it turns to the next connections.
    private func goOn() {
        sendQueued()
        for connection in upstreams.values where !connection.calls.isEmpty { connection.read() }
        sendQueued()
    }

    private func sendQueued() {
        bytesTaken = 0
        book.sendingBegins()
        placeUnplaced()
        // Flushing one session gives credit to others, which then are dirty too.
        repeat {
            while !dirtyClients.isEmpty || !dirtyUpstreams.isEmpty {
                // Clients come first: where a session answers what its client did by ending a stream, the upstream needn't
                // hear of the call.
                swap(&dirtyClients, &flushing)
                flushAll()
                swap(&dirtyUpstreams, &flushing)
                flushAll()
            }
        } while endCutShort()
        book.forgetOver()
    }

    private func flushAll() {
        for connection in flushing { connection.flush() }
        flushing.removeAll(keepingCapacity: true)
        placeUnplaced()
    }

    /// Has a connection flushed at the end of the turn.
    func willFlush(_ connection: Connection) {
        if connection.role == .server { dirtyClients.append(connection) } else { dirtyUpstreams.append(connection) }
    }

    /// Whether everything that was queued has been written, as far as the sockets take it.
    var hasFlushed: Bool { dirtyClients.isEmpty && dirtyUpstreams.isEmpty }

    private func placeUnplaced() {
        while let call = book.nextUnplaced(self) { place(call) }
    }

    /// What came of responses that are cut short has been sent, as far as the clients take it.
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
        if case .waiting(let whenDone) = shutdown, clients.isEmpty {
            shutdown = .done
            whenDone()
        }
    }

    private func scheduleSweep() {
        _ = loop.schedule(after: Self.sweepInterval) { [unowned self] in
            for connection in clients.values { connection.sweep(loop.now) }
            for connection in upstreams.values { connection.sweep(loop.now) }
            log.sweep(loop.now)
            router.sweep(loop.now)
            scheduleSweep()
        }
    }

    // MARK: Connections

    func add(_ connection: UpstreamConnection) {
        upstreams.insert(connection)
    }

    func remove(_ connection: UpstreamConnection) {
        upstreams.remove(connection)
    }

    /// Takes over a connection that the acceptor has counted here.
    ///
    /// - Parameter share: for whom `registry` has counted it, if for anybody.
    func adopt(_ socket: Socket, from address: SocketAddress?, share: Peer?, _ registry: ConnectionRegistry) {
        do {
            let tls = try tls.map { try TLSConnection(server: socket, context: $0, records: records) }
            let connection = try ClientConnection(
                transport: Transport(socket, tls: tls), peerAddress: address,
                registration: ConnectionRegistry.Registration(registry: registry, share: share), worker: self)
            clients.insert(connection)
            acceptedConnections += 1
            if case .none = shutdown { return }
            connection.beginShutdown()
        } catch {
            openConnections.subtract(1, ordering: .relaxed)
            if let share { registry.left(share) }
            log.report(.error, "can't take a connection", [("reason", "\(error)")])
        }
    }

    /// Ends a connection that a load balancer has passed on for a peer that has most of them already, if it is still there.
    func refuse(_ connection: ObjectIdentifier, _ share: Peer) {
        // It may have gone, and another one have come in its place.
        guard let client = clients[connection], client.registration.share == share else { return }
        client.refuseShare()
    }

    /// Ends so many connections of these peers that have no call, those first that have had none for longest.
    ///
    /// - Returns: how many could not be found.
    func endOldestIdle(_ wishes: [Peer: Int]) -> [Peer: Int] {
        var idle: [Peer: [ClientConnection]] = [:]
        for client in clients.values {
            if let share = client.registration.share, wishes[share] != nil, client.idleSince != nil {
                idle[share, default: []].append(client)
            }
        }
        var unmet = wishes
        for (peer, connections) in idle {
            let oldest = connections.sorted { $0.idleSince ?? loop.now < $1.idleSince ?? loop.now }
            let ended = oldest.prefix(wishes[peer] ?? 0)
            for connection in ended { connection.makeRoom() }
            let left = (wishes[peer] ?? 0) - ended.count
            unmet[peer] = left > 0 ? left : nil
        }
        return unmet
    }

    func clientLeft(_ connection: ClientConnection) {
        for upstream in upstreams.values { upstream.clientLeaves(connection.number, connection.peerName) }
        guard clients.remove(connection) else { return }
        openConnections.subtract(1, ordering: .relaxed)
    }

    /// Numbers the clients from 1.
    func nextClientNumber() -> UInt64 {
        clientCount += 1
        return clientCount
    }

    /// How a client that is connected is called.
    func clientName(_ number: UInt64) -> String? {
        clients.values.first { $0.number == number }?.peerName
    }

    /// Every call whose client is still there.
    var openCalls: [Call] { clients.values.flatMap(\.calls).map(\.object) }

    // MARK: What calls and connections need

    /// Gives a call its route.
    func begin(_ call: Call) {
        let (route, failsOver) = router.route()
        book.begin(call, route, failsOver: failsOver)
    }

    /// Places a call at an endpoint of its color, or answers that there is none.
    func place(_ call: Call) {
        if let pool = router.choose(for: call) { return pool.use { $0.dispatch(call) } }
        guard let route = call.route else { return }
        call.fail(router.unreachable(route.active), self)
    }

    /// Books a call if it is over.
    func finishIfOver(_ call: Call) {
        book.finishIfOver(call, self)
    }

    /// Which endpoints may be chosen from now on.
    func publish(health: PerColor<[Bool]>) {
        router.publish(health: health)
    }

    func resolve(_ endpoint: Endpoint, answer: @escaping (Resolver.Outcome) -> Void) {
        if let address = SocketAddress(numeric: endpoint.host, port: endpoint.port) {
            return answer(.addresses([address]))
        }
        let answer = LoopConfined(answer)
        resolver.resolve(host: endpoint.host, port: endpoint.port) { [self] outcome in
            loop.mailbox.post { answer.value(outcome) }
        }
    }

    /// Makes a failure fit for its client: the reason is for the log alone, where upstreams are not to be revealed.
    func concealed(_ failure: ProxyAnswer, _ route: Route?) -> ProxyAnswer {
        guard !limits.revealsUpstreams, let route else { return failure }
        var failure = failure
        failure.conceal(
            route.active, id: String(UInt64.random(in: 1 << 60 ... .max, using: &random), radix: 16))
        if let id = failure.id {
            log.reportPaced(
                .warning, "a call has failed",
                [
                    ("id", id), ("color", route.active.name), ("kind", failure.kind.rawValue),
                    ("reason", failure.message),
                ], now: loop.now)
        }
        return failure
    }

    // MARK: What the control plane asks for

    /// Puts new certificates in force for clients that connect from now on.
    func publish(tls: TLSContext) {
        self.tls = tls
    }

    /// Puts new certificates in force for connections to upstreams that are made from now on.
    func publish(upstreamTLS: TLSContext) {
        self.upstreamTLS = upstreamTLS
    }

    /// Puts limits in force: times and totals for everything, what a connection agrees on for new ones.
    func publish(limits: DataPlaneLimits, failover: Bool) {
        self.limits = limits
        windows.total = limits.windowBudget
        router.limitsChanged(failover: failover)
    }

    /// Adds this worker's share to a report.
    func contribute(to report: inout TrafficReport) {
        book.contribute(to: &report)
        router.contribute(to: &report)
        var totals = TrafficReport.WorkerTotals()
        totals.clientConnections = clients.count
        totals.acceptedConnections = acceptedConnections
        totals.callsInFlight = book.ledger.total
        totals.bufferedBytes = HeldMemory.bytes(self)
        log.contribute(to: &totals)
        report.workers.append(totals)
    }

    // MARK: The end

    /// Says goodbye to every client, and calls `whenDone` once the last has left.
    func beginShutdown(whenDone: @escaping @Sendable () -> Void) {
        shutdown = .waiting(whenDone: whenDone)
        for client in clients.values { client.beginShutdown() }
    }

    /// Answers every call that is still open with UNAVAILABLE.
    ///
    /// - Returns: how many calls that were.
    func endCalls() -> Int {
        let calls = openCalls
        for call in calls {
            call.end(.ended(.shuttingDown, "the proxy is shutting down", using: &random), self)
        }
        return calls.count
    }

    /// Ends the loop; whatever is still open is closed with the process.
    func stop() {
        for client in clients.values { client.close("the proxy has shut down") }
        router.closeAll()
        endTurn()
        book.close()
        loop.stop()
    }
}

import EventLoop
import HTTP2
import Synchronization
import TLS

/// One event loop with its client connections and its own connections to every endpoint: a call never leaves its worker.
///
/// `@unchecked Sendable`: everything but `openConnections` belongs to the loop's thread, and other threads reach it only
/// through `loop.mailbox`.
final class Worker: @unchecked Sendable {
    /// Client connections placed here and not closed yet, also those on their way. The acceptor counts up, the worker
    /// down.
    let openConnections = Atomic<Int>(0)

    let loop: EventLoop
    private(set) var limits: DataPlaneLimits
    let headerBlocks = HeaderBlockPool()
    let chunks = ChunkPool()
    let sessionMemory = SessionMemory()
    /// What the windows of all streams may have grown.
    var windows: WindowBudget

    /// Shared by all connections of the worker: one is read, or written, at a time.
    let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 16)
    /// What TLS makes of that.
    let records = RecordBuffer()

    /// Connections whose sessions have something to send at the end of the turn.
    var dirty: [Connection] = []
    /// Those of them that are being drained.
    private var draining: [Connection] = []

    /// Bytes read, and calls begun, since what was queued has been sent out the last time.
    var bytesTaken = 0
    private var callsBegun = 0
    /// What has been ended for its memory since the log has said so.
    private struct Relief {
        var streams = 0
        var bytes = 0
        var nextReport = MonotonicTime(nanoseconds: 0)
    }

    private var relieved = Relief()
    /// When streams may be ended for their memory again.
    private var nextRelief = MonotonicTime(nanoseconds: 0)

    /// For the connections that are made from now on.
    private(set) var upstreamTLS: TLSContext?
    private var tls: TLSContext?

    var random: RandomSource
    /// Begins to connect to an upstream.
    let connect: (SocketAddress) throws(SystemError) -> Socket

    /// Whether upstreams are told who a client is by its certificate.
    let forwardsClientIdentity: Bool

    private let routeWord: RouteWord
    private let resolver: Resolver
    /// Whether calls go to the other color while the active one has no healthy endpoint.
    private var failover: Bool
    private let log: @Sendable (DataPlaneEvent) -> Void
    private let accessLog: AccessLogBuffer?

    private(set) var pools = PerColor<[EndpointPool]>(blue: [], green: [])
    /// The same, for each call to choose from.
    private var lentPools = PerColor<[Lent<EndpointPool>]>(blue: [], green: [])
    private var health: PerColor<[Bool]>
    /// Where the next search for an endpoint begins.
    private var turn = 0
    /// Every call with a leg that isn't closed; each knows its index here.
    private(set) var calls: [Call] = []
    /// Calls that are over: until the turn ends, somebody may still name them.
    private(set) var overCalls: [Call] = []
    /// Calls that an upstream has refused, or couldn't be reached for, in this loop turn.
    private(set) var unplaced: [Call] = []
    /// Calls whose response an upstream has cut short in this loop turn.
    var cutShort: [Call] = []

    private(set) var clients = ConnectionTable<ClientConnection>()
    /// Every connection to an upstream, also those being made and those that take no more calls.
    private(set) var upstreams = ConnectionTable<UpstreamConnection>()
    private var shutdown = Shutdown.none

    /// What is remembered of clients beyond their connections.
    var peers = PeerTable()
    private var pressure = MemoryPressure()
    private var logLimiter = LogLimiter()

    private(set) var ledger = EpochLedger()
    /// Calls that the drain under way is going to end.
    private var drainQueue = DrainQueue<Call>()
    private var drainTimer: TimerID?
    private var drainWaiters = DrainWaiters()
    private(set) var totals = PerColor<TrafficReport.ColorTotals> { _ in TrafficReport.ColorTotals() }
    private var acceptedConnections = 0
    private var clientCount: UInt64 = 0
    /// For lines that anybody can cause.
    private var logPace = LogPace()
    private var closedByRule = [Int](repeating: 0, count: AbuseRule.allCases.count)
    private var limitsReached = [Int](repeating: 0, count: Limit.allCases.count)

    /// How much of new work a turn takes in before it goes on with what it has: more calls than are in a core's cache at
    /// a time cost twice as much.
    private static let mostCallsBegun = 256
    private static let mostBytesTaken = 1 << 20

    /// Between two times of going through all streams, where the first has freed too little at once.
    private static let reliefInterval = Duration.milliseconds(10)
    /// Between two looks at the time limits.
    static let sweepInterval = Duration.milliseconds(250)

    private enum Shutdown {
        case none
        case waiting(whenDone: @Sendable () -> Void)
        case done
    }

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
        failover = configuration.failover
        self.routeWord = routeWord
        self.resolver = resolver
        self.log = log
        health = PerColor { configuration.endpoints[$0].map { _ in true } }
        self.accessLog = accessLog.map { AccessLogBuffer(log: $0, endpoints: configuration.endpoints) }
        for color in Color.allCases {
            pools[color] = configuration.endpoints[color].enumerated().map { index, endpoint in
                EndpointPool(endpoint: endpoint, color: color, index: index, worker: self)
            }
        }
        lentPools = PerColor { color in pools[color].map { Lent($0) } }
        loop.endOfTurn = { [unowned self] in endTurn() }
        loop.afterEvent = { [unowned(unsafe) self] in
            if callsBegun >= Self.mostCallsBegun || bytesTaken >= Self.mostBytesTaken { goOn() }
        }
        scheduleSweep()
    }

    deinit {
        input.deallocate()
        output.deallocate()
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
        (bytesTaken, callsBegun) = (0, 0)
        placeUnplaced()
        // Draining one session gives credit to others, which then are dirty too.
        while !dirty.isEmpty || !cutShort.isEmpty {
            swap(&dirty, &draining)
            for connection in draining { connection.flush() }
            draining.removeAll(keepingCapacity: true)
            placeUnplaced()
            if !cutShort.isEmpty { endCutShort() }
        }
        // Nobody names them any more.
        overCalls.removeAll(keepingCapacity: overCalls.count < 4096)
    }

    private func endTurn() {
        sendQueued()
        if heldBytes > MemoryPressure.threshold(of: limits.maxBufferedBytes) {
            relieveMemory()
            sendQueued()
        }
        accessLog?.endTurn(loop)
        if case .waiting(let whenDone) = shutdown, clients.isEmpty {
            shutdown = .done
            whenDone()
        }
    }

    private func scheduleSweep() {
        _ = loop.schedule(after: Self.sweepInterval) { [unowned self] in
            for connection in clients.values { connection.sweep(loop.now) }
            for connection in upstreams.values { connection.sweep(loop.now) }
            reportLeftOut()
            for color in Color.allCases { for pool in pools[color] { pool.sweep(loop.now) } }
            scheduleSweep()
        }
    }

    // MARK: Memory

    /// Ends what has been shut longest of those who pin most, if too much waits.
    private func relieveMemory() {
        let excess = heldBytes - MemoryPressure.threshold(of: limits.maxBufferedBytes)
        guard excess > 0, loop.now >= nextRelief else { return }
        let toFree = excess + MemoryRelief.margin(of: limits.maxBufferedBytes)
        var streams: [MemoryRelief.Stream<Peer>] = []
        var calls: [(ClientConnection, Call)] = []
        for client in clients.values {
            client.shutCalls { call, bytes, shutSince in
                streams.append(MemoryRelief.Stream(peer: client.holder, bytes: bytes, shutSince: shutSince))
                calls.append((client, call))
            }
        }
        let chosen = MemoryRelief.choose(from: streams, toFree: toFree)
        for index in chosen {
            let (client, call) = calls[index]
            client.endForMemory(call)
        }
        reportRelief(chosen.map { (calls[$0].0, streams[$0].bytes) })
        if heldBytes > MemoryPressure.threshold(of: limits.maxBufferedBytes) {
            nextRelief = loop.now + Self.reliefInterval
        }
    }

    /// Says who had to make room: once in a while, for all that had to since the last time.
    private func reportRelief(_ ended: [(client: ClientConnection, bytes: Int)]) {
        guard let last = ended.last else { return }
        relieved.streams += ended.count
        relieved.bytes += ended.reduce(0) { $0 + $1.bytes }
        guard loop.now >= relieved.nextReport else { return }
        report(
            .warning, "ended streams that take too much memory",
            [
                ("streams", String(relieved.streams)), ("bytes", String(relieved.bytes)),
                ("last_peer", last.client.peerName),
            ])
        relieved = Relief(nextReport: loop.now + .seconds(1))
    }

    // MARK: Connections

    /// Counts a connection that is closed for breaking a rule, and says so, unless the log has had enough of that.
    func count(_ rule: AbuseRule, _ connection: Connection, _ reason: String) {
        if let index = AbuseRule.allCases.firstIndex(of: rule) { closedByRule[index] += 1 }
        guard logLimiter.admits(rule.rawValue, connection.peer, now: loop.now) else { return }
        report(
            .warning, "closing a connection",
            [("rule", rule.rawValue), ("peer", connection.peerName), ("reason", reason)])
    }

    /// Reports what a peer can bring about again and again: a few times, and then how often it wasn't reported.
    func report(
        _ severity: DataPlaneEvent.Severity, _ message: String, of limit: Limit, _ connection: Connection,
        _ details: [(name: String, value: String)] = []
    ) {
        report(severity, message, of: limit, connection.peer, connection.peerName, details)
    }

    /// - Parameters:
    ///   - peer: of whom there are so many lines.
    ///   - name: what they call it.
    func report(
        _ severity: DataPlaneEvent.Severity, _ message: String, of limit: Limit, _ peer: Peer, _ name: String,
        _ details: [(name: String, value: String)] = []
    ) {
        guard logLimiter.admits(limit.rawValue, peer, now: loop.now) else { return }
        report(severity, message, [("peer", name)] + details)
    }

    private func reportLeftOut() {
        for (key, leftOut) in logLimiter.takeEnded(now: loop.now) {
            report(
                .warning, "log lines were left out",
                [
                    ("rule", key.rule), ("peer", key.peer?.description ?? "many others"),
                    ("count", String(leftOut)),
                ])
        }
    }

    func reached(_ limit: Limit) {
        if let index = Limit.allCases.firstIndex(of: limit) { limitsReached[index] += 1 }
    }

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
            let connection = try ClientConnection(
                socket: socket, peerAddress: address,
                tls: try tls.map { try TLSConnection(server: socket, context: $0, records: records) },
                registration: ConnectionRegistry.Registration(registry: registry, share: share), worker: self)
            clients.insert(connection)
            acceptedConnections += 1
            if case .none = shutdown { return }
            connection.beginShutdown()
        } catch {
            openConnections.subtract(1, ordering: .relaxed)
            if let share { registry.left(share) }
            report(.error, "can't take a connection", [("reason", "\(error)")])
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
            if let share = client.registration.share, wishes[share] != nil, client.idleTime != nil {
                idle[share, default: []].append(client)
            }
        }
        var unmet = wishes
        for (peer, connections) in idle {
            let oldest = connections.sorted { $0.idleTime ?? loop.now < $1.idleTime ?? loop.now }
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

    // MARK: Calls

    /// Keeps a call alive until it is over.
    func keep(_ call: Call) {
        call.indexOnWorker = calls.count
        calls.append(call)
    }

    private func letGo(of call: Call) {
        call.isOver = true
        let index = call.indexOnWorker
        // The buffer moves what the array would copy, counting references.
        calls.withUnsafeMutableBufferPointer { $0.swapAt(index, $0.count - 1) }
        calls[index].indexOnWorker = index
        overCalls.append(calls.removeLast())
    }

    /// Gives a call its route: the one moment at which the route word decides.
    func begin(_ call: Call) {
        var route = routeWord.load()
        if failover, case let target = FailoverRule.target(active: route.active, isEnabled: true, routable: health),
            target != route.active
        {
            route.active = target
            totals[target].failedOver += 1
        }
        call.route = route
        ledger.begin(route)
        callsBegun += 1
        totals[route.active].started += 1
    }

    /// Chooses an endpoint of the call's color, or answers that there is none.
    func place(_ call: Call) {
        guard let route = call.route else { preconditionFailure("a call is placed after it has begun") }
        let color = route.active
        turn &+= 1
        let count = lentPools[color].count
        let choice = Placement.choose(count: count, startingAt: turn % count) { index in
            Placement.Candidate(
                isHealthy: health[color][index] && !lentPools[color][index].use { $0.isEjected },
                wasTried: call.triedEndpoints & Call.bit(ofEndpoint: index) != 0,
                load: lentPools[color][index].use { $0.load })
        }
        guard let choice else { return call.fail(unreachable(color), self) }
        call.endpoint = choice
        lentPools[color][choice].use { $0.dispatch(call) }
    }

    /// Places a call once more at the end of this turn, from its beginning.
    func placeAgain(_ call: Call) {
        call.rewind()
        call.upstream = .none
        unplaced.append(call)
    }

    /// An upstream has refused a call unprocessed, and it gets its second try.
    func countRetry(of call: Call) {
        if let route = call.route { totals[route.active].retried += 1 }
    }

    /// Between the refusal and now the client may have left, or the Proxy may have answered: a deadline, a drain, the end
    /// of the process. What was kept for a second try is gone then.
    private func placeUnplaced() {
        while let call = unplaced.popLast() {
            if case .open = call.client, !call.isAnswered { place(call) } else { finishIfOver(call) }
        }
    }

    /// What came of these responses has been sent, as far as the clients take it.
    private func endCutShort() {
        while let call = cutShort.popLast() {
            if case .open(let client, let stream) = call.client { client.use { $0.endCutShort(stream, call) } }
        }
    }

    private func unreachable(_ color: Color) -> Failure {
        let failures = pools[color].compactMap(\.lastFailure)
        let reasons = failures.map(\.message).joined(separator: "; ")
        return Failure(
            kind: failures.last?.kind ?? .unreachable, message: "\(color) can't be reached: \(reasons)")
    }

    /// Books a call whose legs are both closed.
    func finishIfOver(_ call: Call) {
        guard case .closed = call.client, !call.isOver else { return }
        switch call.upstream {
        case .waiting, .open: return
        case .none, .closed: break
        }
        letGo(of: call)
        call.requestBody.removeAll(to: chunks)
        call.responseBody.removeAll(to: chunks)
        if case .ended(let trailers?) = call.response { headerBlocks.give(trailers) }
        call.request = .ended(trailers: nil)
        call.response = .ended(trailers: nil)
        if let route = call.route {
            call.route = nil
            ledger.end(route)
            if !drainWaiters.isEmpty { drainWaiters.notify(ledger) }
            totals[route.active].book(call, duration: loop.now.nanosecondsSince(call.began) / 1_000)
            accessLog?.append(call, route, ended: loop.now)
        }
        if let head = call.requestHead {
            call.requestHead = nil
            headerBlocks.give(head)
        }
    }

    var logsAccess: Bool { accessLog != nil }

    /// What calls take of memory: their bodies, their header lists, and themselves. All that `maxBufferedBytes` bounds.
    var heldBytes: Int { chunks.bytesInUse + headerBlocks.bytesInUse + calls.count * Call.cost }

    /// Whether there is no memory for a client's new call.
    func lacksMemory(for client: ClientConnection) -> Bool {
        let bound = limits.maxBufferedBytes
        guard heldBytes > MemoryPressure.threshold(of: bound) else { return false }
        relieveMemory()
        let held = heldBytes
        if pressure.needsLook(held: held, bound: bound, now: loop.now) {
            var holders: [Peer: Int] = [:]
            for connection in clients.values where !connection.calls.isEmpty {
                holders[connection.holder, default: 0] += connection.calls.reduce(0) { $0 + $1.use(\.heldBytes) }
            }
            let most = clients.values.map(\.holder).filter { holders[$0] != nil }.max { holders[$0]! < holders[$1]! }
            pressure.found(most, held: held, now: loop.now)
        }
        return pressure.refuses(client.holder, held: held, bound: bound)
    }

    // MARK: What the control plane asks for

    func resolve(_ endpoint: Endpoint, answer: @escaping (Resolver.Outcome) -> Void) {
        if let address = SocketAddress(numeric: endpoint.host, port: endpoint.port) {
            return answer(.addresses([address]))
        }
        let answer = LoopConfined(answer)
        resolver.resolve(host: endpoint.host, port: endpoint.port) { [self] outcome in
            loop.mailbox.post { answer.value(outcome) }
        }
    }

    func publish(_ newHealth: PerColor<[Bool]>) {
        for color in Color.allCases {
            for (index, pool) in pools[color].enumerated() where newHealth[color][index] && !health[color][index] {
                pool.warmUp()
            }
        }
        health = newHealth
    }

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
        self.failover = failover
        for color in Color.allCases { for pool in pools[color] { pool.limitsChanged() } }
    }

    /// Adds this worker's share to a report.
    func contribute(to report: inout TrafficReport) {
        for entry in ledger.entries {
            let same = report.inFlight.firstIndex { $0.epoch == entry.epoch && $0.color == entry.color }
            if let index = same {
                report.inFlight[index].calls += entry.calls
            } else {
                report.inFlight.append(entry)
            }
        }
        for color in Color.allCases {
            report.colors[color].add(totals[color])
            report.colors[color].upstreamConnections += pools[color].reduce(0) { $0 + $1.connectionCount }
        }
        var worker = TrafficReport.WorkerTotals()
        worker.clientConnections = clients.count
        worker.acceptedConnections = acceptedConnections
        worker.callsInFlight = ledger.total
        worker.closedByRule = closedByRule
        worker.limitsReached = limitsReached
        worker.bufferedBytes = heldBytes
        report.workers.append(worker)
    }

    func report(
        _ severity: DataPlaneEvent.Severity, _ message: String, _ details: [(name: String, value: String)] = []
    ) {
        log(DataPlaneEvent(severity, message, details))
    }

    /// As `report(_:_:_:)`, for what anybody can cause: the line may be left out, which the next one tells.
    func reportPaced(
        _ severity: DataPlaneEvent.Severity, _ message: String, _ details: [(name: String, value: String)]
    ) {
        guard let leftOut = logPace.take(now: loop.now) else { return }
        report(severity, message, leftOut == 0 ? details : details + [("left_out", String(leftOut))])
    }

    /// Makes a failure fit for its client: the reason is for the log alone, where upstreams are not to be revealed.
    func failed(_ failure: Failure, _ route: Route?) -> Failure {
        guard !limits.revealsUpstreams, let route else { return failure }
        var failure = failure
        failure.conceal(
            route.active, id: String(UInt64.random(in: 1 << 60 ... .max, using: &random), radix: 16))
        if let id = failure.id {
            reportPaced(
                .warning, "a call has failed",
                [
                    ("id", id), ("color", route.active.name), ("kind", failure.kind.rawValue),
                    ("reason", failure.message),
                ])
        }
        return failure
    }

    // MARK: Draining

    /// Ends the calls that began on a color before an epoch, each at a moment of its own within `spread`.
    func endCalls(on color: Color, before epoch: UInt64, over spread: Duration) {
        cancelDrain()
        let calls = clients.values.flatMap(\.calls).map(\.object).filter { call in
            call.route.map { $0.active == color && $0.epoch < epoch } ?? false
        }
        drainQueue = DrainQueue(calls, over: spread, from: loop.now, using: &random)
        endDueCalls()
    }

    /// Lets all calls go on that a drain has not ended yet.
    func cancelDrain() {
        if let drainTimer { loop.cancel(drainTimer) }
        drainTimer = nil
        drainQueue = DrainQueue()
    }

    private func endDueCalls() {
        let now = loop.readClock()
        while let call = drainQueue.popDue(at: now) {
            // What has been answered in full ends by itself.
            guard let route = call.route, !call.response.hasEnded else { continue }
            totals[route.active].drained += 1
            call.end(.ended(.draining, "\(route.active) is being drained", using: &random), self)
        }
        drainTimer = drainQueue.nextDeadline.map { next in
            loop.schedule(after: next.since(now)) { [unowned self] in endDueCalls() }
        }
    }

    /// Calls back once no call that began on a color before an epoch is left.
    func wait(
        _ number: UInt64, untilDrained color: Color, before epoch: UInt64, whenDrained: @escaping @Sendable () -> Void
    ) {
        drainWaiters.add(number, color, before: epoch, whenDrained: whenDrained)
        drainWaiters.notify(ledger)
    }

    /// Takes a wait back, where it isn't over yet.
    func stopWaiting(_ number: UInt64) {
        drainWaiters.remove(number)
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
        let calls = clients.values.flatMap(\.calls).map(\.object)
        for call in calls {
            call.end(.ended(.shuttingDown, "the proxy is shutting down", using: &random), self)
        }
        return calls.count
    }

    /// Ends the loop; whatever is still open is closed with the process.
    func stop() {
        for client in clients.values { client.close("the proxy has shut down") }
        for color in Color.allCases { for pool in pools[color] { pool.closeAll() } }
        endTurn()
        accessLog?.handOver()
        loop.stop()
    }
}

extension TrafficReport.ColorTotals {
    /// Counts a call that has ended.
    mutating func book(_ call: Call, duration microseconds: UInt64) {
        if call.isGRPC {
            let status = call.finalGRPCStatus
            finishedByStatus[(0...16).contains(status) ? status : 2] += 1
        } else {
            finishedByHTTPClass[(1...5).contains(call.httpStatus / 100) ? call.httpStatus / 100 : 0] += 1
        }
        if let kind = call.failure?.kind, let index = Failure.Kind.allCases.firstIndex(of: kind) {
            failedByKind[index] += 1
        }
        bytesUp += call.bytesUp
        bytesDown += call.bytesDown
        let microseconds = Int(clamping: microseconds)
        durationMicroseconds += microseconds
        let bounds = TrafficReport.durationBounds
        durationBuckets[bounds.firstIndex { microseconds <= $0 } ?? bounds.count] += 1
    }

    /// Adds another worker's totals.
    mutating func add(_ other: Self) {
        started += other.started
        for index in finishedByStatus.indices { finishedByStatus[index] += other.finishedByStatus[index] }
        for index in finishedByHTTPClass.indices { finishedByHTTPClass[index] += other.finishedByHTTPClass[index] }
        for index in failedByKind.indices { failedByKind[index] += other.failedByKind[index] }
        retried += other.retried
        drained += other.drained
        failedOver += other.failedOver
        bytesUp += other.bytesUp
        bytesDown += other.bytesDown
        durationMicroseconds += other.durationMicroseconds
        for index in durationBuckets.indices { durationBuckets[index] += other.durationBuckets[index] }
        upstreamConnections += other.upstreamConnections
    }
}

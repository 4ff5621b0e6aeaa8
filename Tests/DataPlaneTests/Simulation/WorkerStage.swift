import Connections
import CNghttp2
import DataPlane
import EventLoop
import Ground
import TestSupport

/// A worker whose clients, backends and clock are driven by hand, one turn at a time.
final class WorkerStage {
    let time = HeldTime()
    let journal = Journal(keepsLines: false)
    let word: RouteWord
    private(set) var worker: SteppedWorker!
    /// Connections that the worker has started and nobody has accepted, oldest first, each with the port that it goes
    /// to.
    private(set) var attempts: [(port: UInt16, ends: SocketEnds)] = []
    /// Connections that the worker has started so far, refused ones included.
    private(set) var attemptCount = 0
    /// Whether new connections are refused at once.
    var refuses = false
    private(set) var clients: [SimulatedClient] = []
    private(set) var backends: [SimulatedBackend] = []
    private(set) var calls: [CallRecord] = []
    /// What a backend does with the calls that reach it from now on.
    var plan = Attempt.Plan.answer(size: 10, early: false)
    /// Bytes of an answer's body that are there from the beginning.
    var answerReady = 1 << 20
    /// The status of its gRPC answers.
    var grpcStatus = 0
    /// What a backend does with the copies that reach it from now on.
    var planOfCopy = Attempt.Plan.answer(size: 10, early: false)
    /// What copies have come to.
    let outcomes = SimulatedCopying.Outcomes()

    /// - Parameter endpoints: endpoints of each color. Blue's have the ports from 1000 on, green's those from 2000 on.
    init(
        endpoints: Int = 1, limits: DataPlaneLimits = DataPlaneLimits(), failover: Bool = false,
        announces: Bool = false, stickyKey: StickyKey = .metadata(SimulatedClient.stickyMetadata),
        accessLog: AccessLogDestination = .off, copies: CopySettings = CopySettings(), host: String = "127.0.0.1",
        resolver: Resolver = Resolver()
    ) throws {
        word = try RouteWord(Route(epoch: 1, active: .blue))
        var surroundings = Surroundings()
        surroundings.time = .held(time)
        surroundings.random = SplitMix(seed: 1)
        surroundings.connect = { [unowned self] address throws(SystemError) in try connect(to: address) }
        let ports = PerColor<UInt16>(blue: 1_000, green: 2_000)
        worker = try SteppedWorker(
            configuration: DataPlaneConfiguration(
                endpoints: PerColor { color in
                    (0..<endpoints).map { Endpoint(host: host, port: ports[color] + UInt16($0)) }
                }, workers: 1, accessLog: accessLog, limits: limits, failover: failover,
                routeMetadata: SimulatedClient.routeMetadata, announces: announces, stickyKey: stickyKey,
                copies: copies),
            routeWord: word, surroundings: surroundings, resolver: resolver, takeCopies: outcomes.take,
            log: { _ in })
    }

    private func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        attemptCount += 1
        if refuses { throw SystemError(operation: "connect \(address)", code: 111) }
        do {
            let ends = try SocketEnds()
            attempts.append((address.port, ends))
            return ends.workers
        } catch {
            throw SystemError(operation: "socketpair", code: 24)
        }
    }

    // MARK: Clients and backends

    func client(by door: Door = .main) throws -> SimulatedClient {
        let ends = try SocketEnds()
        let client = SimulatedClient("client \(clients.count)", by: door, ends.mine, settings: [], journal)
        clients.append(client)
        worker.adopt(ends.workers, from: SocketAddress(family: .ipv4, bytes: [10, 0, 0, 1], port: 1), by: door)
        return client
    }

    /// Accepts the oldest connection in `attempts`, as a backend with room for `streams` streams.
    @discardableResult
    func accept(streams: Int = 100) -> SimulatedBackend {
        let (port, ends) = attempts.removeFirst()
        let control = SimulatedBackend.Control(
            call: { [unowned self] in calls[$0] }, plan: { [unowned self] _ in (plan, answerReady, grpcStatus) },
            planOfCopy: { [unowned self] in (planOfCopy, 1 << 20, 0) },
            isRight: { _, _ in true })
        let backend = SimulatedBackend(
            "\(port)", port < 2_000 ? .blue : .green, ends.mine, noise: 0,
            settings: [(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams)], control, journal)
        backends.append(backend)
        return backend
    }

    /// Closes the other ends of the connections in `attempts`.
    func dropAttempts() { attempts.removeAll() }

    @discardableResult
    func call(
        _ client: SimulatedClient, size: Int = 10, isGRPC: Bool = true, deadline: String? = nil,
        wish: ColorWish = .none, key: String? = nil, requestPrefix: [UInt8] = [], responsePrefix: [UInt8] = []
    ) -> CallRecord {
        let call = CallRecord(id: calls.count, isGRPC: isGRPC, uploadSize: size, firstWord: 0, wish: wish, key: key)
        call.ready = size
        (call.requestPrefix, call.responsePrefix) = (requestPrefix, responsePrefix)
        calls.append(call)
        client.start(call, deadline: deadline)
        return call
    }

    // MARK: Turns

    /// Takes turns until no peer sends or receives anything for three turns. The clock moves by a microsecond a turn.
    func settle() {
        var quiet = 0
        while quiet < 3 {
            time.advance(by: .microseconds(1))
            worker.turn()
            for fault in worker.faults() { journal.violated(fault) }
            var hasMoved = false
            let peers: [SimulatedPeer] = clients + backends
            for peer in peers {
                if peer.isReading, peer.receive(atMost: 1 << 20) { hasMoved = true }
                if peer.isWriting, peer.send(atMost: 1 << 20) { hasMoved = true }
            }
            quiet = hasMoved ? 0 : quiet + 1
        }
    }

    /// Moves the clock on by `duration`, stopping at each timer on the way.
    func pass(_ duration: Duration) {
        let end = time.now + duration
        settle()
        while time.now < end {
            let next = worker.nextDeadline.map { min($0, end) } ?? end
            time.advance(by: next.since(time.now))
            settle()
        }
    }
}

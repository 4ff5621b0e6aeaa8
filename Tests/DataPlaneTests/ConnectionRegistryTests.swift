import Connections
import DataPlane
import EventLoop
import Ground
import Synchronization
import Testing

/// Two workers without threads, of which the first accepts; room for eight connections, which is short from the seventh
/// on.
@Suite struct ConnectionRegistryTests {
    private let time = HeldTime()
    private let workers: [SteppedWorker]
    private let registry: ConnectionRegistry
    private let many = Peer.ipv4(1)
    private let few = Peer.ipv4(2)

    init() throws {
        var limits = DataPlaneLimits()
        limits.maxConnections = 8
        var surroundings = Surroundings()
        surroundings.time = .held(time)
        let word = try RouteWord(Route(epoch: 1, active: .blue))
        let configuration = DataPlaneConfiguration(
            endpoints: PerColor { _ in [Endpoint(host: "127.0.0.1", port: 1)] }, workers: 2, limits: limits)
        workers = try (0..<2).map { _ in
            try SteppedWorker(
                configuration: configuration, routeWord: word, surroundings: surroundings, log: { _ in })
        }
        registry = ConnectionRegistry(of: workers)
    }

    /// Opens a connection a millisecond after the one before, if the registry takes it.
    ///
    /// - Returns: the client's end; `nil` if it was refused.
    private func open(_ peer: Peer, on worker: Int) throws -> FileDescriptor? {
        time.advance(by: .milliseconds(1))
        guard registry.join(peer, taken: registry.connectionCount) else { return nil }
        let ends = try SocketEnds()
        workers[worker].adopt(ends.workers, of: peer, countedBy: registry)
        return ends.mine
    }

    /// Until every message between the workers has arrived.
    private func settle() {
        for _ in 0..<8 { for worker in workers { worker.turn() } }
    }

    private var report: TrafficReport {
        var report = TrafficReport()
        registry.contribute(to: &report)
        return report
    }

    /// How often a worker has counted that a peer has its share.
    private func refusals(of worker: SteppedWorker) -> Int {
        worker.report().workers.reduce(0) { $0 + $1.limitsReached[.peerConnections] }
    }

    /// Whether the worker has ended a client's connection: with GOAWAY, the seventh type of frame.
    private func hasEnded(_ client: FileDescriptor) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let socket = Socket(connected: client)
        guard case .bytes(let count) = unsafe bytes.withUnsafeMutableBytes({ unsafe socket.read(into: $0) }) else {
            return false
        }
        var frames = bytes[..<count]
        while frames.count >= 9 {
            let head = Array(frames.prefix(9))
            if head[3] == 7 { return true }
            frames = frames.dropFirst(9 + Int(head[0]) << 16 + Int(head[1]) << 8 + Int(head[2]))
        }
        return false
    }

    @Test func countsWhoComesAndGoes() throws {
        let clients = try (0..<3).map { try open($0 < 2 ? many : few, on: $0 % 2) }
        #expect(clients.allSatisfy { $0 != nil })
        #expect(registry.connectionCount == 3)
        #expect(report.peers == 2)
        #expect(report.largestPeer?.name == many.description && report.largestPeer?.connections == 2)
        registry.left(many)
        settle()
        #expect(report.largestPeer?.connections == 1)
        registry.left(few)
        settle()
        #expect(report.peers == 1)
        withExtendedLifetime(clients) {}
    }

    @Test func whoHasMostIsRefusedOnceRoomIsShort() throws {
        let clients = try (0..<6).compactMap { try open(many, on: $0 % 2) }
        #expect(clients.count == 6)
        #expect(try open(many, on: 0) == nil)
        #expect(refusals(of: workers[0]) == 1)
    }

    /// Of all workers' connections, the oldest of the first worker that has some makes room; the others stay.
    @Test func theOldestIdleConnectionMakesRoomForAnother() throws {
        let clients = try (0..<6).compactMap { try open(many, on: 1 - $0 % 2) }
        settle()
        let newcomer = try #require(try open(few, on: 0))
        settle()
        #expect(clients.map(hasEnded).count(where: \.self) == 1)
        #expect(!hasEnded(newcomer))
    }

    @Test func aWishThatOneWorkerCanNotMeetGoesToTheNext() throws {
        let clients = try (0..<6).compactMap { _ in try open(many, on: 0) }
        settle()
        let newcomers = try (0..<2).compactMap { _ in try open(few, on: 1) }
        #expect(newcomers.count == 2)
        settle()
        #expect(clients.map(hasEnded) == [true, true, false, false, false, false], "the oldest two")
    }

    /// Through a load balancer a peer is known only once its connection is open.
    @Test func aPeerNamedLaterIsRefusedOnItsWorker() throws {
        let refused = Mutex(0)
        let clients = try (0..<6).compactMap { try open(many, on: $0 % 2) }
        // The load balancer's two connections, which are counted as open but for nobody.
        let unnamed = try (0..<2).map { _ in try SocketEnds() }
        for ends in unnamed { workers[1].adopt(ends.workers, from: SocketAddress(numeric: "10.0.0.1", port: 1)!) }
        registry.named(many, onStepped: workers[1]) { refused.withLock { $0 += 1 } }
        workers[0].turn()
        #expect(refused.withLock { $0 } == 0, "it is told on its own worker's thread")
        settle()
        #expect(refused.withLock { $0 } == 1)
        #expect(report.largestPeer?.connections == 7, "it counts until it has left")
        registry.left(many)
        settle()
        #expect(report.largestPeer?.connections == 6)
        registry.named(few, onStepped: workers[1]) { refused.withLock { $0 += 1 } }
        settle()
        #expect(refused.withLock { $0 } == 1)
        #expect(report.peers == 2)
        withExtendedLifetime(clients) {}
    }
}

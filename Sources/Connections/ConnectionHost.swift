import EventLoop
import Ground
import HTTP2
import Synchronization
import TLS

/// What the connections of one event loop share: the loop, their buffers and pools, their limits, and the work that waits
/// for the end of the loop's turn.
///
/// Whoever has one makes the connections (`makeConnection`) and calls `flushAll(_:)` at the end of each turn.
///
/// `@unchecked Sendable`: everything but `openConnections` belongs to the loop's thread, and other threads reach it only
/// through `loop.mailbox`.
///
/// Soundness: `input` and `output` live as long as the host, and each is used by one connection at a time.
@safe
public final class ConnectionHost: @unchecked Sendable {
    /// Makes the connection of an accepted socket.
    package typealias MakeConnection =
        (Transport, SocketAddress?, Door, ConnectionRegistry.Registration) throws(SystemError) -> ServerConnection

    private enum Shutdown {
        case none
        case waiting(whenDone: @Sendable () -> Void)
        case done
    }

    /// Clients' connections placed on this host and not yet closed, including those still on their way to it. The acceptor
    /// counts up, the host down.
    package let openConnections = Atomic<Int>(0)

    package let loop: EventLoop
    package var limits: ConnectionLimits
    package let headerLists = HeaderListPool()
    package let chunks = ChunkPool()
    package let sessionMemory = SessionMemory()

    /// Buffers shared by all connections, since only one reads or writes at a time.
    package let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
    package let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 * 1024, alignment: 16)
    /// Buffer for TLS records on their way in or out, shared in the same way.
    package let records = RecordBuffer()

    /// TLS settings for clients that connect from now on; `nil` for plaintext.
    package var tls: TLSContext?

    package var log: WorkerLog
    package private(set) var clients = ClientTable<ServerConnection>()
    /// What is remembered of clients beyond their connections.
    package var peers = PeerTable()

    /// Set once, before the first connection is adopted.
    package var makeConnection: MakeConnection?

    /// Connections that have something to send at the end of the turn.
    private var unflushed = FlushQueue<Connection>()
    /// Bytes read since queued output was last sent.
    package var bytesTaken = 0
    private var shutdown = Shutdown.none

    package init(
        loop: EventLoop, limits: ConnectionLimits, tls: TLSContext?, log: @escaping @Sendable (NotableEvent) -> Void
    ) {
        self.loop = loop
        self.limits = limits
        self.tls = tls
        self.log = WorkerLog(write: log)
    }

    deinit {
        unsafe input.deallocate()
        unsafe output.deallocate()
    }

    // MARK: Output

    /// Schedules a connection to be flushed at the end of the turn.
    package func willFlush(_ connection: Connection) {
        unflushed.add(connection, connection.role)
    }

    /// Whether everything queued has been written, as far as the sockets take it.
    package var hasFlushed: Bool { unflushed.isEmpty }

    /// Flushes the connections of one side that have something to send. Flushing one may give others something to send.
    ///
    /// - Parameter role: the role of this side's sessions: `.server` for clients' connections.
    package func flushAll(_ role: Session.Role) {
        var connections = unflushed.take(role)
        for connection in connections { connection.flush() }
        connections.removeAll(keepingCapacity: true)
        unflushed.reuse(connections)
    }

    /// To be called at the end of each turn, once everything has been flushed.
    package func endTurn() {
        if case .waiting(let whenDone) = shutdown, clients.isEmpty {
            shutdown = .done
            whenDone()
        }
    }

    // MARK: Clients

    /// Takes over a connection that the acceptor has counted for this host.
    ///
    /// - Parameters:
    ///   - door: the listener that the connection came by.
    ///   - share: the peer that `registry` counts it for, if any.
    package func adopt(
        _ socket: Socket, from address: SocketAddress?, by door: Door, share: Peer?, _ registry: ConnectionRegistry
    ) {
        guard let makeConnection else { preconditionFailure("whoever has a host makes its connections") }
        do {
            let tls = try tls.map { try TLSConnection(server: socket, context: $0, records: records) }
            let connection = try makeConnection(
                Transport(socket, tls: tls), address, door,
                ConnectionRegistry.Registration(registry: registry, share: share))
            clients.insert(connection)
            if isShuttingDown { connection.beginShutdown() }
        } catch {
            openConnections.subtract(1, ordering: .relaxed)
            if let share { registry.left(share) }
            log.report(.error, "can't take a connection", [("reason", "\(error)")])
        }
    }

    /// The next client's number; numbers begin with 1, and none is given out twice.
    func nextClientNumber() -> UInt64 { clients.nextNumber() }

    /// Ends a connection passed on by a load balancer for the peer that already has the most, if it is still open.
    func refuse(_ connection: ObjectIdentifier, _ share: Peer) {
        // The connection may be gone, and another may have its identifier.
        guard let client = clients[connection], client.registration.share == share else { return }
        client.refuseShare()
    }

    /// Ends the given number of idle connections of each peer, those idle longest first.
    ///
    /// - Returns: how many connections of each peer are still wanted.
    package func endOldestIdle(_ wishes: [Peer: Int]) -> [Peer: Int] {
        let (longest, unmet) = clients.longestIdle(wishes)
        for client in longest { client.makeRoom() }
        return unmet
    }

    /// Forgets a client whose connection is closed.
    func clientLeft(_ connection: ServerConnection) {
        guard clients.remove(connection) else { return }
        openConnections.subtract(1, ordering: .relaxed)
    }

    /// Enforces the time limits of clients' connections. Called a few times a second.
    package func sweep() {
        for connection in clients.values { connection.sweep(loop.now) }
        log.sweep(loop.now)
    }

    // MARK: Shutdown

    /// Whether clients are told to leave.
    package var isShuttingDown: Bool {
        if case .none = shutdown { false } else { true }
    }

    /// Announces the end to every client, and calls `whenDone` once the last has left.
    package func beginShutdown(whenDone: @escaping @Sendable () -> Void) {
        shutdown = .waiting(whenDone: whenDone)
        for client in clients.values { client.beginShutdown() }
    }

    /// Announces the end to every client of some hosts.
    ///
    /// - Parameter timeIsUp: returns when the clients have had enough time; cancelled if they need no more.
    /// - Returns: whether the last client left in time.
    package static func clientsLeave(
        _ hosts: [ConnectionHost], until timeIsUp: @escaping @Sendable () async -> Void
    ) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for host in hosts {
                group.addTask {
                    let left = OneTimeEvent()
                    guard host.loop.mailbox.post({ host.beginShutdown(whenDone: left.set) }) else { return true }
                    await left.wait()
                    // A wait also ends when whoever shuts down is cancelled.
                    return left.isSet
                }
            }
            group.addTask {
                await timeIsUp()
                return false
            }
            defer { group.cancelAll() }
            for _ in hosts where await group.next() != true { return false }
            return true
        }
    }

    /// Runs a function on the loop's thread and returns its result; `fallback` if the loop has ended. Any thread may call it.
    package func onLoop<Result: Sendable>(
        else fallback: Result, _ body: @escaping @Sendable () -> Result
    ) async -> Result {
        await withCheckedContinuation { continuation in
            let accepted = loop.mailbox.post { continuation.resume(returning: body()) }
            if !accepted { continuation.resume(returning: fallback) }
        }
    }
}

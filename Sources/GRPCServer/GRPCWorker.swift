import Connections
import EventLoop
import Ground
import HTTP2
import TLS

/// One event loop with its connections: a call never leaves its worker, except to be worked out in the pool.
///
/// `@unchecked Sendable`: everything belongs to the loop's thread, and other threads reach it only through
/// `loop.mailbox`.
final class GRPCWorker: @unchecked Sendable {
    let host: ConnectionHost
    let methods: MethodTable
    let pool: WorkPool
    /// The most bytes of a message.
    let maxMessageSize: Int
    private let maxBufferedBytes: Int

    /// The head of most responses, and the trailers of those that succeed.
    let usualHead = HeaderList()
    let usualTrailers = HeaderList()

    /// Bytes of messages that are not complete, but for those in chunks.
    var heldBytes = 0
    private var withRoom: [ServerCall] = []
    private var over: [ServerCall] = []
    private(set) var counts: CallCounts

    private static let sweepInterval = Duration.milliseconds(250)

    init(
        configuration: GRPCServerConfiguration, methods: MethodTable, pool: WorkPool,
        log: @escaping @Sendable (NotableEvent) -> Void
    ) throws(SystemError) {
        let loop = try EventLoop()
        host = ConnectionHost(loop: loop, limits: configuration.limits, tls: configuration.tls, log: log)
        self.methods = methods
        self.pool = pool
        maxMessageSize = configuration.maxMessageSize
        maxBufferedBytes = configuration.maxBufferedBytes
        counts = CallCounts(methods: methods.methods.count)
        usualHead.append(":status", "200")
        usualHead.append("content-type", "application/grpc")
        usualHead.append("grpc-accept-encoding", MessageCoding.accepted)
        usualTrailers.append("grpc-status", "0")
        host.makeConnection = { [unowned self] (transport, address, door, registration) throws(SystemError) in
            try GRPCConnection(
                transport: transport, peerAddress: address, door: door, registration: registration, worker: self)
        }
        loop.endOfTurn = { [unowned self] in endTurn() }
        scheduleSweep()
    }

    private func endTurn() {
        if heldBytes + host.chunks.bytesInUse > maxBufferedBytes { relieve() }
        repeat {
            tellOfRoom()
            host.flushAll(.server)
        } while !host.hasFlushed || !withRoom.isEmpty
        over.removeAll(keepingCapacity: true)
        host.endTurn()
    }

    /// Keeps a call that is over until everything of this turn has been done.
    func keepUntilEndOfTurn(_ call: ServerCall) { over.append(call) }

    /// Schedules a call's handler to be told that it may send more.
    func madeRoom(for call: ServerCall) { withRoom.append(call) }

    private func tellOfRoom() {
        let calls = withRoom
        withRoom.removeAll(keepingCapacity: true)
        for call in calls where !call.isFinished { call.handler?.roomWasMade(call) }
    }

    private func scheduleSweep() {
        _ = host.loop.schedule(after: Self.sweepInterval) { [unowned self] in
            host.sweep()
            scheduleSweep()
        }
    }

    /// Counts a call that has ended.
    func count(_ call: ServerCall, _ status: RPCStatus) {
        counts.add(call.methodPlace, status.code)
    }

    // MARK: Memory

    private var connections: [GRPCConnection] {
        // `makeConnection` makes no others.
        host.clients.values.map { unsafe unsafeDowncast($0, to: GRPCConnection.self) }
    }

    /// Ends calls of the peer that holds the most, until what is held fits. Nobody who holds less than a sixteenth of it is
    /// touched.
    private func relieve() {
        var excess = heldBytes + host.chunks.bytesInUse - maxBufferedBytes
        var calls: [Peer: [(connection: GRPCConnection, call: ServerCall)]] = [:]
        var held: [Peer: Int] = [:]
        for connection in connections {
            let holder = connection.holder
            for call in connection.calls where call.heldBytes > 0 {
                calls[holder, default: []].append((connection, call))
                held[holder, default: 0] += call.heldBytes
            }
        }
        for (holder, own) in calls {
            calls[holder] = own.sorted { $0.call.heldBytes < $1.call.heldBytes }
        }
        while excess > 0, let (peer, bytes) = held.max(by: { $0.value < $1.value }), bytes > maxBufferedBytes / 16,
            let (connection, call) = calls[peer]?.popLast()
        {
            held[peer] = bytes - call.heldBytes
            excess -= call.heldBytes
            host.log.count(.memory)
            connection.endForMemory(call)
        }
    }

    // MARK: The end

    /// Answers every open call with UNAVAILABLE.
    ///
    /// - Returns: the number of calls ended.
    func endCalls() -> Int {
        var count = 0
        for connection in connections {
            for call in connection.calls where !call.isFinished {
                connection.end(call, RPCStatus(.unavailable, "the server is shutting down"))
                count += 1
            }
        }
        return count
    }

    /// Number of calls that have no answer yet.
    var callsInFlight: Int { connections.reduce(0) { $0 + $1.calls.count { !$0.isFinished } } }

    /// Ends the loop; whatever is still open closes with the process.
    func stop() {
        for connection in host.clients.values { connection.close("the server has shut down") }
        endTurn()
        host.loop.stop()
    }
}

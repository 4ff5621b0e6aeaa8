import EventLoop
import Synchronization
import TLS

/// How clients come to a worker and leave it.
extension Worker {
    /// Takes over a connection that the acceptor has counted for this worker.
    ///
    /// - Parameters:
    ///   - door: the listener that the connection came by.
    ///   - share: the peer that `registry` counts it for, if any.
    func adopt(
        _ socket: Socket, from address: SocketAddress?, by door: Door, share: Peer?, _ registry: ConnectionRegistry
    ) {
        do {
            let tls = try clientTLS.map { try TLSConnection(server: socket, context: $0, records: records) }
            let connection = try ClientConnection(
                transport: Transport(socket, tls: tls), peerAddress: address, door: door,
                registration: ConnectionRegistry.Registration(registry: registry, share: share), worker: self)
            clients.insert(connection)
            if isShuttingDown { connection.beginShutdown() }
        } catch {
            openConnections.subtract(1, ordering: .relaxed)
            if let share { registry.left(share) }
            log.report(.error, "can't take a connection", [("reason", "\(error)")])
        }
    }

    /// Ends a connection passed on by a load balancer for the peer that already has the most, if it is still open.
    func refuse(_ connection: ObjectIdentifier, _ share: Peer) {
        // The connection may be gone, and another may have its identifier.
        guard let client = clients[connection], client.registration.share == share else { return }
        client.refuseShare()
    }

    /// Ends the given number of idle connections of each peer, those idle longest first.
    ///
    /// - Returns: how many connections of each peer are still wanted.
    func endOldestIdle(_ wishes: [Peer: Int]) -> [Peer: Int] {
        let (longest, unmet) = clients.longestIdle(wishes)
        for client in longest { client.makeRoom() }
        return unmet
    }

    /// Forgets a client whose connection is closed.
    func clientLeft(_ connection: ClientConnection) {
        for upstream in upstreams.values { upstream.clientLeaves(connection) }
        guard clients.remove(connection) else { return }
        openConnections.subtract(1, ordering: .relaxed)
    }

    /// Every call whose client is still there.
    var openCalls: [Call] { clients.values.flatMap(\.calls).map(\.object) }
}

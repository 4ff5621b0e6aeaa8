import EventLoop
import Ground
import Synchronization

/// Takes connections off a listening socket and gives each to the host with the fewest.
///
/// gRPC clients hold few, long-lived connections: SO_REUSEPORT's hash would leave some threads idle and others full.
/// Confined to the thread of the host it runs on.
package final class Acceptor: EventHandler {
    private let listener: Socket
    private let door: Door
    private let home: ConnectionHost
    private let hosts: [ConnectionHost]
    private let registry: ConnectionRegistry
    private var pause: TimerID?
    /// Whether the log has said why accepting pauses, and connections have been waiting ever since.
    private var isFull = false

    /// Connections taken in one turn of the loop, so that a flood doesn't starve the calls.
    private static let mostPerTurn = 64
    /// Pause when there are no descriptors or memory for another connection.
    private static let pauseLength = Duration.milliseconds(100)

    /// - Parameter home: the host on whose loop connections are accepted.
    package init(
        listener: Socket, door: Door, home: ConnectionHost, hosts: [ConnectionHost], registry: ConnectionRegistry
    ) throws(SystemError) {
        self.listener = listener
        self.door = door
        self.home = home
        self.hosts = hosts
        self.registry = registry
        listener.prepareForAccepting()
        try home.loop.add(listener.descriptor, for: .readable, handler: self)
    }

    package func ready(_ readiness: Readiness) {
        do {
            for _ in 0..<Self.mostPerTurn {
                guard hasRoom else { return takeABreak("there are \(home.limits.maxConnections) connections already") }
                guard let socket = try listener.accept() else {
                    isFull = false
                    return
                }
                place(socket)
            }
        } catch {
            takeABreak(error.reason)
        }
    }

    /// Stops taking connections. If no other process holds the socket, it closes with this object, so that from then on
    /// clients are refused at once and look elsewhere.
    ///
    /// - Parameter takesWaiting: whether connections that the system has already completed are still taken; otherwise
    ///   they are left to another process.
    package func stop(takesWaiting: Bool) {
        if let pause { home.loop.cancel(pause) }
        while takesWaiting, hasRoom, let socket = try? listener.accept() { place(socket) }
        home.loop.remove(listener.descriptor)
    }

    private var hasRoom: Bool { registry.connectionCount < home.limits.maxConnections }

    private func place(_ socket: Socket) {
        let address = socket.peerAddress
        var share: Peer?
        // A peer that stands for many clients takes as many connections as it needs.
        if !home.limits.trustedPeers.contains(address), !home.limits.proxyProtocol.contains(address) {
            let peer = Peer(address)
            guard registry.join(peer, taken: registry.connectionCount) else {
                // The socket closes because nothing keeps it.
                return home.log.report(
                    .warning, "refusing a connection of the peer that has most", of: .peerConnections, peer,
                    address?.description ?? "unknown", now: home.loop.now)
            }
            share = peer
        }
        // Never empty: there is at least one thread.
        let host = hosts.min {
            $0.openConnections.load(ordering: .relaxed) < $1.openConnections.load(ordering: .relaxed)
        }!
        host.openConnections.add(1, ordering: .relaxed)
        if host === home {
            host.adopt(socket, from: address, by: door, share: share, registry)
        } else {
            let (door, share, registry) = (door, share, registry)
            host.loop.mailbox.post { host.adopt(socket, from: address, by: door, share: share, registry) }
        }
    }

    /// Stops watching the socket for a while. Level-triggered readiness would otherwise spin, as the connection that
    /// can't be taken stays in the queue.
    private func takeABreak(_ reason: String) {
        if !isFull {
            home.log.count(.connections)
            home.log.report(.error, "accepting connections pauses", [("reason", reason)])
        }
        isFull = true
        watch(for: [])
        pause = home.loop.schedule(after: Self.pauseLength) { [unowned self] in
            pause = nil
            watch(for: .readable)
        }
    }

    private func watch(for interest: Readiness) {
        do {
            try home.loop.change(listener.descriptor, to: interest)
        } catch {
            home.log.report(.error, "can't watch the listening socket", [("reason", error.reason)])
        }
    }
}

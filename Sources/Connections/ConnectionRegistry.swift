import EventLoop
import Synchronization

/// Counts of each peer's connections across all threads, kept where connections are accepted. Calls don't involve it:
/// a host reports through its mailbox when a connection has closed, and hears through its own when one has to make room.
///
/// `@unchecked Sendable`: everything but `left` and `named` belongs to the thread of `home`, and these two post their
/// work to it.
public final class ConnectionRegistry: @unchecked Sendable {
    /// How a connection is counted.
    public struct Registration {
        package let registry: ConnectionRegistry
        /// The peer that the connection is counted for, if any.
        package var share: Peer?
    }

    private unowned let home: ConnectionHost
    private let hosts: [ConnectionHost]
    private var shares = ConnectionShares()
    /// Number of idle connections that have yet to make room, by peer, and that no worker has been asked for.
    private var wanted: [Peer: Int] = [:]
    /// Whether hosts are being asked, one after the other.
    private var isMakingRoom = false
    private var firstAsked = 0
    /// Number of connections that were refused and aren't closed yet.
    private var leaving = 0

    /// - Parameter home: the worker on whose thread connections are accepted; one of `hosts`.
    package init(home: ConnectionHost, hosts: [ConnectionHost]) {
        self.home = home
        self.hosts = hosts
    }

    /// Counts a new connection of a peer, if it is taken.
    ///
    /// - Parameter taken: number of other connections that are open.
    /// - Returns: whether the connection is taken.
    package func join(_ peer: Peer, taken: Int) -> Bool {
        switch shares.join(peer, taken: taken, limit: home.limits.maxConnections) {
        case .take: return true
        case .takeInPlace(let other):
            makeRoom(other)
            return true
        case .refuse:
            home.log.count(.peerConnections)
            return false
        }
    }

    /// Removes a connection that is gone from the counts. Any worker's thread may call it.
    package func left(_ peer: Peer) {
        home.loop.mailbox.post { [self] in shares.leave(peer) }
    }

    /// Counts a connection through a load balancer once its peer is known. Any worker's thread may call it.
    ///
    /// - Parameter refuse: called on the worker's thread if the peer gets no more connections. The connection is
    ///   counted nevertheless, until `left` follows.
    package func named(_ peer: Peer, on host: ConnectionHost, refuse: @escaping @Sendable () -> Void) {
        home.loop.mailbox.post { [self] in
            // The connection is already counted as open, as are those that were refused and haven't been told yet.
            if join(peer, taken: connectionCount - leaving - 1) { return }
            shares.add(peer)
            leaving += 1
            host.loop.mailbox.post { [self] in
                refuse()
                home.loop.mailbox.post { [self] in leaving -= 1 }
            }
        }
    }

    /// Number of connections that are open on all hosts.
    package var connectionCount: Int { hosts.reduce(0) { $0 + $1.openConnections.load(ordering: .relaxed) } }

    /// Number of peers that have a connection.
    package var peerCount: Int { shares.peerCount }

    /// The peer with the most connections; `nil` if there is none. On the thread of `home`.
    package var largestShare: (peer: Peer, connections: Int)? { shares.largest }

    // MARK: Making room

    private func makeRoom(_ peer: Peer) {
        wanted[peer, default: 0] += 1
        if !isMakingRoom { askAll() }
    }

    /// Asks all hosts once for everything wanted by the time the request runs, since finding the oldest goes through
    /// all connections.
    private func askAll() {
        isMakingRoom = true
        firstAsked = (firstAsked + 1) % hosts.count
        home.loop.mailbox.post { [self] in
            let wishes = wanted
            wanted = [:]
            ask(Array(hosts[firstAsked...] + hosts[..<firstAsked]), for: wishes)
        }
    }

    private func ask(_ rest: [ConnectionHost], for wishes: [Peer: Int]) {
        guard let host = rest.first, !wishes.isEmpty else {
            isMakingRoom = false
            if !wanted.isEmpty { askAll() }
            return
        }
        let others = Array(rest.dropFirst())
        host.loop.mailbox.post { [self] in
            let unmet = host.endOldestIdle(wishes)
            home.loop.mailbox.post { [self] in ask(others, for: unmet) }
        }
    }
}

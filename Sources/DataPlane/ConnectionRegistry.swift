import EventLoop
import Synchronization

/// Who has how many of the connections of all workers, kept where they are accepted. Calls know nothing of it: workers tell
/// by the mailbox when a connection has closed, and are told by theirs when one has to make room.
///
/// `@unchecked Sendable`: everything but `left` and `named` belongs to the thread of `home`, where both run what they do.
final class ConnectionRegistry: @unchecked Sendable {
    /// How a connection is counted.
    struct Registration {
        let registry: ConnectionRegistry
        /// For whom, if for anybody.
        var share: Peer?
    }

    private unowned let home: Worker
    private let workers: [Worker]
    private var shares = ConnectionShares()
    /// How many idle connections are to make room, by peer, that nobody has been asked for yet.
    private var wanted: [Peer: Int] = [:]
    /// Workers are being asked, one after the other.
    private var isMakingRoom = false
    private var firstAsked = 0
    /// Connections that were refused and aren't closed yet.
    private var leaving = 0

    /// - Parameter home: the worker on whose thread connections are accepted; one of `workers`.
    init(home: Worker, workers: [Worker]) {
        self.home = home
        self.workers = workers
    }

    /// A connection has come.
    ///
    /// - Parameter taken: connections that are open besides.
    /// - Returns: whether it is taken.
    func join(_ peer: Peer, taken: Int) -> Bool {
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

    /// A connection that was counted is gone. Any worker's thread may call it.
    func left(_ peer: Peer) {
        home.loop.mailbox.post { [self] in shares.leave(peer) }
    }

    /// A connection through a load balancer turns out to be a peer's. Any worker's thread may call it.
    ///
    /// - Parameter refuse: called on the worker's thread where the peer gets no more connections. It is counted nevertheless,
    ///   until `left` follows.
    func named(_ peer: Peer, on worker: Worker, refuse: @escaping @Sendable () -> Void) {
        home.loop.mailbox.post { [self] in
            // It is among those that are open already, as are those that have been refused and know it not yet.
            if join(peer, taken: connectionCount - leaving - 1) { return }
            shares.add(peer)
            leaving += 1
            worker.loop.mailbox.post { [self] in
                refuse()
                home.loop.mailbox.post { [self] in leaving -= 1 }
            }
        }
    }

    var connectionCount: Int { workers.reduce(0) { $0 + $1.openConnections.load(ordering: .relaxed) } }

    func contribute(to report: inout TrafficReport) {
        report.peers = shares.peerCount
        report.largestPeer = shares.largest.map {
            TrafficReport.PeerShare(name: $0.peer.description, connections: $0.connections)
        }
    }

    // MARK: Making room

    private func makeRoom(_ peer: Peer) {
        wanted[peer, default: 0] += 1
        if !isMakingRoom { askAll() }
    }

    /// Asks all workers once for all that is wanted by then: looking for the oldest goes through all connections.
    private func askAll() {
        isMakingRoom = true
        firstAsked = (firstAsked + 1) % workers.count
        home.loop.mailbox.post { [self] in
            let wishes = wanted
            wanted = [:]
            ask(Array(workers[firstAsked...] + workers[..<firstAsked]), for: wishes)
        }
    }

    private func ask(_ rest: [Worker], for wishes: [Peer: Int]) {
        guard let worker = rest.first, !wishes.isEmpty else {
            isMakingRoom = false
            if !wanted.isEmpty { askAll() }
            return
        }
        let others = Array(rest.dropFirst())
        worker.loop.mailbox.post { [self] in
            let unmet = worker.endOldestIdle(wishes)
            home.loop.mailbox.post { [self] in ask(others, for: unmet) }
        }
    }
}

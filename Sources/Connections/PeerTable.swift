import EventLoop

/// A worker's record of a peer, which outlives the peer's connections. Confined to its worker's thread.
package final class PeerAccount {
    /// The peer whose account this is.
    package let peer: Peer
    /// The budget of all connections of the peer, which the next one begins with.
    package var resets: ResetBudget
    /// Number of open connections.
    fileprivate(set) var connections = 0
    /// When the last connection closed, by `PeerTable`'s clock.
    fileprivate var idleSince = 0

    fileprivate init(_ peer: Peer, _ resets: ResetBudget) {
        self.peer = peer
        self.resets = resets
    }
}

/// The peers that a worker has seen lately: all that have a connection, and as many others as fit; those away longest
/// are forgotten first. Confined to one thread.
package struct PeerTable {
    private let capacity: Int
    private var accounts: [Peer: PeerAccount] = [:]
    /// Peers without a connection, in the order in which they lost their last one. Entries of peers that have come back
    /// are stale; `firstIdle` is the first that may not be.
    private var idle: [(peer: Peer, since: Int)] = []
    private var firstIdle = 0
    private var idleCount = 0
    private var clock = 0

    /// - Parameter capacity: number of peers without a connection that are remembered.
    package init(capacity: Int = 4096) {
        self.capacity = capacity
    }

    /// Number of peers with an account.
    package var count: Int { accounts.count }

    /// Counts one more connection of a peer.
    ///
    /// - Parameters:
    ///   - capacity: capacity of the peer's budget for resets, with `refill`. If either has changed, the budget begins
    ///     anew.
    package mutating func open(_ peer: Peer, capacity: Int, refill: Duration, now: MonotonicTime) -> PeerAccount {
        let account: PeerAccount
        if let known = accounts[peer] {
            account = known
            if known.connections == 0 { idleCount -= 1 }
            if known.resets.capacity != capacity || known.resets.refill != refill {
                known.resets = ResetBudget(capacity: capacity, refill: refill, now: now)
            }
        } else {
            account = PeerAccount(peer, ResetBudget(capacity: capacity, refill: refill, now: now))
            accounts[peer] = account
        }
        account.connections += 1
        return account
    }

    /// Resets that a peer has left; `nil` for an unknown peer.
    package func left(of peer: Peer, now: MonotonicTime) -> Int? {
        accounts[peer]?.resets.left(now: now)
    }

    /// Removes a closed connection of a peer from the count.
    package mutating func close(_ account: PeerAccount) {
        assert(account.connections > 0, "what is closed was open")
        account.connections -= 1
        guard account.connections == 0 else { return }
        clock += 1
        account.idleSince = clock
        idle.append((account.peer, clock))
        idleCount += 1
        while idleCount > capacity { forgetOldest() }
        if idle.count > 2 * capacity + 64 { removeStale() }
    }

    private mutating func forgetOldest() {
        let (peer, since) = idle[firstIdle]
        firstIdle += 1
        guard isIdle(peer, since) else { return }
        accounts[peer] = nil
        idleCount -= 1
    }

    private func isIdle(_ peer: Peer, _ since: Int) -> Bool {
        accounts[peer].map { $0.connections == 0 && $0.idleSince == since } ?? false
    }

    private mutating func removeStale() {
        idle = idle[firstIdle...].filter { isIdle($0.peer, $0.since) }
        firstIdle = 0
    }
}

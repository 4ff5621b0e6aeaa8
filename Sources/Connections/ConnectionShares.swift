/// Decides whose connections are taken while room for them is short.
///
/// As long as a quarter of the room is left, everybody's are. After that, the peer with the most connections gets no
/// more, and each connection that another peer opens replaces one of its own. So nobody can take all the room, and
/// nobody is turned away for having few. Confined to one thread.
package struct ConnectionShares {
    /// The decision about a new connection.
    package enum Decision: Equatable {
        case take
        /// The connection is taken, and the oldest idle connection of this peer makes room for it.
        case takeInPlace(of: Peer)
        /// The connection is neither taken nor counted.
        case refuse
    }

    private var counts: [Peer: Int] = [:]
    /// The peers by their number of connections.
    private var peersByCount: [Int: Set<Peer>] = [:]
    private var largestCount = 0

    /// A peer with less than one part in this many of the room never counts as too large.
    private static let smallPart = 100

    package init() {}

    /// Number of peers with connections.
    package var peerCount: Int { counts.count }

    /// One of the peers with the most connections, and their number.
    package var largest: (peer: Peer, connections: Int)? {
        peersByCount[largestCount]?.first.map { ($0, largestCount) }
    }

    /// Decides on one more connection of a peer, and counts it unless it is refused.
    ///
    /// - Parameters:
    ///   - taken: number of open connections, including those counted here for nobody.
    ///   - limit: number of connections allowed.
    package mutating func join(_ peer: Peer, taken: Int, limit: Int) -> Decision {
        let count = counts[peer] ?? 0
        var decision = Decision.take
        if taken >= limit - limit / 4, let largest, largest.connections >= max(2, limit / Self.smallPart) {
            guard count < largest.connections else { return .refuse }
            // Of two peers with equally many, neither has too many.
            if count + 1 < largest.connections { decision = .takeInPlace(of: largest.peer) }
        }
        move(peer, from: count, to: count + 1)
        return decision
    }

    /// Counts one more connection of a peer, whatever others have.
    package mutating func add(_ peer: Peer) {
        let count = counts[peer] ?? 0
        move(peer, from: count, to: count + 1)
    }

    /// Removes a connection that is gone from the counts.
    package mutating func leave(_ peer: Peer) {
        guard let count = counts[peer] else { return assertionFailure("who leaves has joined") }
        move(peer, from: count, to: count - 1)
    }

    private mutating func move(_ peer: Peer, from old: Int, to new: Int) {
        counts[peer] = new == 0 ? nil : new
        if old > 0 {
            peersByCount[old]?.remove(peer)
            if peersByCount[old]?.isEmpty == true { peersByCount[old] = nil }
        }
        if new > 0 { peersByCount[new, default: []].insert(peer) }
        if new > largestCount || peersByCount[largestCount] == nil { largestCount = new }
    }
}

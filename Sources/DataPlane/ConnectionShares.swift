/// Whose connections are taken while room for them is short.
///
/// As long as a quarter of the room is left, everybody's. Beyond that whoever has most of the connections gets no more, and
/// for each that somebody else opens, one of his makes room. So nobody can take all of it, and nobody is turned away for
/// having few. Confined to one thread.
package struct ConnectionShares {
    package enum Decision: Equatable {
        case take
        /// Taken, and the oldest idle connection of this peer makes room for it.
        case takeInPlace(of: Peer)
        /// Not taken, and not counted.
        case refuse
    }

    private var counts: [Peer: Int] = [:]
    /// The peers by how many connections they have.
    private var peersByCount: [Int: Set<Peer>] = [:]
    private var largestCount = 0

    /// Who has less than this part of the room is never too large.
    private static let smallPart = 100

    package init() {}

    /// Peers with connections.
    package var peerCount: Int { counts.count }

    /// One that has most connections, and how many.
    package var largest: (peer: Peer, connections: Int)? {
        peersByCount[largestCount]?.first.map { ($0, largestCount) }
    }

    /// A peer has one more connection, if it gets it.
    ///
    /// - Parameters:
    ///   - taken: connections that are open, also such as are counted here for nobody.
    ///   - limit: how many there may be.
    package mutating func join(_ peer: Peer, taken: Int, limit: Int) -> Decision {
        let count = counts[peer] ?? 0
        var decision = Decision.take
        if taken >= limit - limit / 4, let largest, largest.connections >= max(2, limit / Self.smallPart) {
            guard count < largest.connections else { return .refuse }
            // Of two that have the same nobody has too many.
            if count + 1 < largest.connections { decision = .takeInPlace(of: largest.peer) }
        }
        move(peer, from: count, to: count + 1)
        return decision
    }

    /// A peer has one more connection, whatever others have.
    package mutating func add(_ peer: Peer) {
        let count = counts[peer] ?? 0
        move(peer, from: count, to: count + 1)
    }

    /// A connection that was counted is gone.
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

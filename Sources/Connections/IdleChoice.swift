import EventLoop

/// Chooses the idle connections that make room for others: of each peer those that have been idle longest. Pure; the
/// caller ends them.
package enum IdleChoice {
    /// A connection without calls.
    package struct Candidate<Peer: Hashable> {
        /// The peer that the connection is counted for.
        package var peer: Peer
        package var idleSince: MonotonicTime

        package init(peer: Peer, idleSince: MonotonicTime) {
            self.peer = peer
            self.idleSince = idleSince
        }
    }

    /// - Parameter wishes: number of connections of each peer that are to end.
    /// - Returns: indices into `candidates`, those idle longest first, and how many of each peer are still wanted.
    package static func choose<Peer>(
        from candidates: [Candidate<Peer>], wishes: [Peer: Int]
    ) -> (chosen: [Int], unmet: [Peer: Int]) {
        var unmet = wishes
        var chosen: [Int] = []
        for index in candidates.indices.sorted(by: { candidates[$0].idleSince < candidates[$1].idleSince }) {
            guard let wanted = unmet[candidates[index].peer] else { continue }
            unmet[candidates[index].peer] = wanted > 1 ? wanted - 1 : nil
            chosen.append(index)
        }
        return (chosen, unmet)
    }
}

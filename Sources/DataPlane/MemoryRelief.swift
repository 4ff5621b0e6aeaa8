import EventLoop

/// Which streams are ended when a worker is short of memory: those that have been shut longest, of whoever holds most, until
/// enough is free. Whoever holds little isn't touched, whatever is missing. Calls without a body that waits aren't ended,
/// though they count for who holds most: of those `MemoryPressure` lets no more come in.
///
/// Nobody is cut for being slow while there is memory enough. Pure; the caller ends what is chosen.
package enum MemoryRelief {
    /// A stream for which bytes wait.
    package struct Stream<Peer: Hashable> {
        package var peer: Peer
        /// Bytes that its call takes.
        package var bytes: Int
        /// Since when nothing has been taken of what waits for its reader.
        package var shutSince: MonotonicTime

        package init(peer: Peer, bytes: Int, shutSince: MonotonicTime) {
            self.peer = peer
            self.bytes = bytes
            self.shutSince = shutSince
        }
    }

    /// So many bytes below the threshold of `MemoryPressure` no more are ended: going through all of them has to be worth its
    /// while.
    package static func margin(of bound: Int) -> Int { bound / 16 }

    /// Who holds no more than this many bytes, of the bound for all, isn't touched.
    package static func allowance(of bound: Int) -> Int { bound / 16 }

    /// - Parameters:
    ///   - streams: those for which bytes wait.
    ///   - held: what the calls of each peer take altogether, those without waiting bytes among them.
    ///   - excess: bytes that have to be freed.
    ///   - allowance: bytes that everybody may hold.
    /// - Returns: indices into `streams`, in the order in which they are to be ended: enough to free `excess`, if there are.
    package static func choose<Peer>(
        from streams: [Stream<Peer>], held: [Peer: Int], toFree excess: Int, allowance: Int
    ) -> [Int] {
        var held = held.filter { $0.value > allowance }
        // Of peers that hold as much, the one that is named first.
        var rank: [Peer: Int] = [:]
        var waiting: [Peer: [Int]] = [:]
        for (index, stream) in streams.enumerated() where held[stream.peer] != nil {
            if rank[stream.peer] == nil { rank[stream.peer] = -index }
            waiting[stream.peer, default: []].append(index)
        }
        // The one that was shut longest stands last, to be taken first.
        for peer in waiting.keys { waiting[peer]?.sort { streams[$0].shutSince > streams[$1].shutSince } }
        var chosen: [Int] = []
        var left = excess
        while left > 0, let most = held.max(by: { ($0.value, rank[$0.key] ?? 0) < ($1.value, rank[$1.key] ?? 0) }) {
            guard let index = waiting[most.key]?.popLast() else {
                held[most.key] = nil
                continue
            }
            let rest = most.value - streams[index].bytes
            held[most.key] = rest > allowance ? rest : nil
            left -= streams[index].bytes
            chosen.append(index)
        }
        return chosen
    }
}

import EventLoop

/// Which streams are ended when too much waits in a worker's memory: those that have been shut longest, of whoever pins
/// most, until enough is free. Whoever holds little isn't touched. What calls take without a body that waits is no reason to
/// end them: of that `MemoryPressure` lets no more come in.
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

    /// - Parameter excess: bytes that have to be freed.
    /// - Returns: indices into `streams`, in the order in which they are to be ended: enough to free `excess`, if there are.
    package static func choose<Peer>(from streams: [Stream<Peer>], toFree excess: Int) -> [Int] {
        var held: [Peer: Int] = [:]
        // Of peers that hold as much, the one that is named first.
        var rank: [Peer: Int] = [:]
        var waiting: [Peer: [Int]] = [:]
        for (index, stream) in streams.enumerated() {
            held[stream.peer, default: 0] += stream.bytes
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
            held[most.key] = most.value - streams[index].bytes
            left -= streams[index].bytes
            chosen.append(index)
        }
        return chosen
    }
}

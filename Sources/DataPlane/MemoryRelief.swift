import Connections
import EventLoop

/// Chooses the streams to end when a worker is short of memory: those shut longest, of the peer that holds the most,
/// until enough is free. A peer that holds little isn't touched, however much is missing. Calls without a waiting body
/// aren't ended, though they count toward what their peer holds: `MemoryPressure` lets no more of those in.
///
/// Nobody is cut off for being slow while there is enough memory. Pure; the caller ends the chosen streams.
package enum MemoryRelief {
    /// A stream that has bytes waiting.
    package struct Stream<Peer: Hashable> {
        /// The peer whose call it is.
        package var peer: Peer
        /// Bytes that the stream's call takes.
        package var bytes: Int
        /// Time since which its reader has taken nothing of what waits.
        package var shutSince: MonotonicTime

        package init(peer: Peer, bytes: Int, shutSince: MonotonicTime) {
            self.peer = peer
            self.bytes = bytes
            self.shutSince = shutSince
        }
    }

    /// Bytes below the threshold of `MemoryPressure` at which no more streams are ended: going through all of them has
    /// to be worth its while.
    package static func margin(of bound: Int) -> Int { bound / 16 }

    /// Bytes, out of the bound for all, that a peer may hold without being touched.
    package static func allowance(of bound: Int) -> Int { bound / 16 }

    /// - Parameters:
    ///   - streams: the streams that have bytes waiting.
    ///   - held: bytes that the calls of each peer take altogether, including calls without waiting bytes.
    ///   - excess: bytes that have to be freed.
    ///   - allowance: bytes that every peer may hold.
    /// - Returns: indices into `streams`, in the order in which they are to be ended: enough to free `excess`, if there
    ///   are.
    package static func choose<Peer>(
        from streams: [Stream<Peer>], held: [Peer: Int], toFree excess: Int, allowance: Int
    ) -> [Int] {
        var held = held.filter { $0.value > allowance }
        // Of peers that hold equally much, the one named first.
        var rank: [Peer: Int] = [:]
        var waiting: [Peer: [Int]] = [:]
        for (index, stream) in streams.enumerated() where held[stream.peer] != nil {
            if rank[stream.peer] == nil { rank[stream.peer] = -index }
            waiting[stream.peer, default: []].append(index)
        }
        // The stream that was shut longest stands last, to be taken first.
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

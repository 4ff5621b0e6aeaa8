import EventLoop

/// Which streams are ended when too much waits in a worker's memory: those that have been shut longest, of whoever pins
/// most, until enough is free. Whoever holds little isn't touched, and a new call is never refused for another's.
///
/// Nobody is cut for being slow while there is memory enough. Pure; the caller ends what is chosen.
package enum MemoryPressure {
    package struct Stream<Peer: Hashable> {
        package var peer: Peer
        /// Bytes that its call takes.
        package var bytes: Int
        /// Whether bytes wait for its reader; otherwise the call itself and its header list are all that it takes, and it is
        /// ended only when no stream of its peer is shut.
        package var isShut: Bool
        /// Since when nothing of it has moved.
        package var since: MonotonicTime

        package init(peer: Peer, bytes: Int, isShut: Bool, since: MonotonicTime) {
            self.peer = peer
            self.bytes = bytes
            self.isShut = isShut
            self.since = since
        }

        func goes(before other: Self) -> Bool {
            isShut == other.isShut ? since < other.since : isShut
        }
    }

    /// At this share of the limit streams begin to be ended, and so many bytes below it they no longer are: going through all
    /// of them has to be worth its while.
    package static func threshold(of limit: Int) -> Int { limit - limit / 4 }
    package static func margin(of limit: Int) -> Int { limit / 16 }

    /// - Parameter excess: bytes that have to be freed.
    /// - Returns: indices into `streams`, in the order in which they are to be ended: enough to free `excess`, if there are.
    package static func choose<Peer>(from streams: [Stream<Peer>], toFree excess: Int) -> [Int] {
        var held: [Peer: Int] = [:]
        var waiting: [Peer: [Int]] = [:]
        for (index, stream) in streams.enumerated() {
            held[stream.peer, default: 0] += stream.bytes
            waiting[stream.peer, default: []].append(index)
        }
        // The one that goes first stands last, to be taken first.
        for peer in waiting.keys { waiting[peer]?.sort { streams[$1].goes(before: streams[$0]) } }
        var chosen: [Int] = []
        var left = excess
        while left > 0, let most = held.max(by: { $0.value < $1.value }) {
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

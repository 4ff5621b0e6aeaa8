import EventLoop
import HTTP2

/// What a worker's calls take of memory, held within `maxBufferedBytes`: who holds most gets no new calls near the bound,
/// and who pins most loses what has been shut longest. The rules are `MemoryPressure` and `MemoryRelief`; this is their hand.
/// Confined to the worker's thread.
struct HeldMemory: ~Copyable {
    /// What has been ended for its memory since the log has said so.
    private struct Relief {
        var streams = 0
        var bytes = 0
        var nextReport = MonotonicTime(nanoseconds: 0)
    }

    private var pressure = MemoryPressure()
    private var relieved = Relief()
    /// When streams may be ended for their memory again.
    private var nextRelief = MonotonicTime(nanoseconds: 0)

    /// Between two times of going through all streams, where the first has freed too little at once.
    private static let reliefInterval = Duration.milliseconds(10)

    /// What a worker's calls take: their bodies, their header lists, and themselves.
    static func bytes(_ worker: Worker) -> Int {
        worker.chunks.bytesInUse + worker.headerLists.bytesInUse + worker.book.heldBytes
    }

    /// Whether more is held than leaves everybody in peace.
    static func isShort(_ worker: Worker) -> Bool {
        bytes(worker) > MemoryPressure.threshold(of: worker.limits.maxBufferedBytes)
    }

    /// Whether there is no memory for a client's new call, when memory is short.
    mutating func refuses(_ client: ClientConnection, _ worker: Worker) -> Bool {
        relieve(worker)
        let (held, bound) = (Self.bytes(worker), worker.limits.maxBufferedBytes)
        if pressure.needsLook(held: held, bound: bound, now: worker.loop.now) {
            pressure.found(holders(worker).max { $0.value < $1.value }?.key, held: held, now: worker.loop.now)
        }
        return pressure.refuses(client.holder, held: held, bound: bound)
    }

    /// What the calls of each peer take.
    private func holders(_ worker: Worker) -> [Peer: Int] {
        var holders: [Peer: Int] = [:]
        for client in worker.clients.values where !client.calls.isEmpty {
            holders[client.holder, default: 0] += client.calls.reduce(0) { $0 + $1.use(\.heldBytes) }
        }
        return holders
    }

    /// Ends what has been shut longest of those who pin most, if too much waits.
    mutating func relieve(_ worker: Worker) {
        let bound = worker.limits.maxBufferedBytes
        let excess = Self.bytes(worker) - MemoryPressure.threshold(of: bound)
        guard excess > 0, worker.loop.now >= nextRelief else { return }
        var streams: [MemoryRelief.Stream<Peer>] = []
        var calls: [(client: ClientConnection, call: Call)] = []
        for client in worker.clients.values {
            client.shutCalls { call, bytes, shutSince in
                streams.append(MemoryRelief.Stream(peer: client.holder, bytes: bytes, shutSince: shutSince))
                calls.append((client, call))
            }
        }
        let chosen = MemoryRelief.choose(
            from: streams, held: holders(worker), toFree: excess + MemoryRelief.margin(of: bound),
            allowance: MemoryRelief.allowance(of: bound))
        for index in chosen { calls[index].client.endForMemory(calls[index].call) }
        report(chosen.map { (calls[$0].client, streams[$0].bytes) }, worker)
        if Self.isShort(worker) { nextRelief = worker.loop.now + Self.reliefInterval }
    }

    /// Says who had to make room: once in a while, for all that had to since the last time.
    private mutating func report(_ ended: [(client: ClientConnection, bytes: Int)], _ worker: Worker) {
        guard let last = ended.last else { return }
        relieved.streams += ended.count
        relieved.bytes += ended.reduce(0) { $0 + $1.bytes }
        guard worker.loop.now >= relieved.nextReport else { return }
        worker.log.report(
            .warning, "ended streams that take too much memory",
            [
                ("streams", String(relieved.streams)), ("bytes", String(relieved.bytes)),
                ("last_peer", last.client.peerName),
            ])
        relieved = Relief(nextReport: worker.loop.now + .seconds(1))
    }
}

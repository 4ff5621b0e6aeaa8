import Connections
import EventLoop
import HTTP2

/// Keeps the memory of a worker's calls within `maxBufferedBytes`: near the bound, the peer that holds the most gets no
/// new calls, and the peer that pins the most loses the streams shut longest. The rules are in `MemoryPressure` and
/// `MemoryRelief`; this applies them. Confined to the worker's thread.
struct HeldMemory: ~Copyable {
    /// Streams ended for their memory since the last log line about it.
    private struct Relief {
        var streams = 0
        var bytes = 0
        var nextReport = MonotonicTime(nanoseconds: 0)
    }

    private var pressure = MemoryPressure()
    private var relieved = Relief()
    /// The earliest time at which streams may be ended for their memory again.
    private var nextRelief = MonotonicTime(nanoseconds: 0)

    /// Pause between two passes over all streams if the first freed too little.
    private static let reliefInterval = Duration.milliseconds(10)

    /// Bytes that a worker's calls hold: their bodies, their header lists, and the calls themselves.
    static func bytes(_ worker: Worker) -> Int {
        worker.chunks.bytesInUse + worker.headerLists.bytesInUse + worker.book.heldBytes
    }

    /// Whether the worker holds more than the threshold below which nobody is restricted.
    static func isShort(_ worker: Worker) -> Bool {
        bytes(worker) > MemoryPressure.threshold(of: worker.limits.maxBufferedBytes)
    }

    /// Whether a client's new call must be refused while memory is short.
    mutating func refuses(_ client: ClientConnection, _ worker: Worker) -> Bool {
        relieve(worker)
        let (held, bound) = (Self.bytes(worker), worker.limits.maxBufferedBytes)
        if pressure.needsLook(held: held, bound: bound, now: worker.loop.now) {
            pressure.found(heaviest(worker), held: held, now: worker.loop.now)
        }
        return pressure.refuses(client.holder, held: held, bound: bound)
    }

    /// The peer whose calls hold the most. Of equals it is a client's place that decides, and not the order of a dictionary,
    /// which differs from run to run.
    private func heaviest(_ worker: Worker) -> Peer? {
        let holders = holders(worker)
        return worker.clients.filter { !$0.calls.isEmpty }.map(\.holder)
            .max { holders[$0, default: 0] < holders[$1, default: 0] }
    }

    /// Bytes that the calls of each peer hold.
    private func holders(_ worker: Worker) -> [Peer: Int] {
        var holders: [Peer: Int] = [:]
        for client in worker.clients where !client.calls.isEmpty {
            holders[client.holder, default: 0] += client.calls.reduce(0) { $0 + $1.use(\.heldBytes) }
        }
        return holders
    }

    /// If too much waits, ends the streams shut longest of the peers that pin the most.
    mutating func relieve(_ worker: Worker) {
        let bound = worker.limits.maxBufferedBytes
        let excess = Self.bytes(worker) - MemoryPressure.threshold(of: bound)
        guard excess > 0, worker.loop.now >= nextRelief else { return }
        var streams: [MemoryRelief.Stream<Peer>] = []
        var calls: [(client: ClientConnection, call: Call)] = []
        for client in worker.clients {
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

    /// Logs who had to make room: at most once a second, for all since the last line.
    private mutating func report(_ ended: [(client: ClientConnection, bytes: Int)], _ worker: Worker) {
        guard let last = ended.last else { return }
        relieved.streams += ended.count
        relieved.bytes += ended.reduce(0) { $0 + $1.bytes }
        guard worker.loop.now >= relieved.nextReport else { return }
        worker.host.log.report(
            .warning, "ended streams that take too much memory",
            [
                ("streams", String(relieved.streams)), ("bytes", String(relieved.bytes)),
                ("last_peer", last.client.peerName),
            ])
        relieved = Relief(nextReport: worker.loop.now + .seconds(1))
    }
}

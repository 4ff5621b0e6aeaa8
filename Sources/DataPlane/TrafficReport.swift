import Connections
import Ground

/// The data plane's counts, as the control plane reads them.
package struct TrafficReport: Sendable, Equatable {
    /// Calls in flight by the epoch and color they began under; only entries with at least one call.
    package struct InFlight: Sendable, Equatable {
        /// The epoch of the route that the calls began under.
        package var epoch: UInt64
        /// The color that takes the calls.
        package var color: Color
        /// Number of calls, 1 or more.
        package var calls: Int

        package init(epoch: UInt64, color: Color, calls: Int) {
            self.epoch = epoch
            self.color = color
            self.calls = calls
        }
    }

    /// Totals of one color since the process started.
    package struct ColorTotals: Sendable, Equatable {
        /// Calls that began under this color, finished or not.
        package var started = 0
        /// Calls that ended, indexed by `GRPCStatus`; a status beyond these, or none, counts as 2 (UNKNOWN).
        package var finishedByStatus = CaseCounts<GRPCStatus>()
        /// Non-gRPC calls that ended, indexed by the first digit of their HTTP status (0 if none was sent).
        package var finishedByHTTPClass = [Int](repeating: 0, count: 6)
        /// Calls that the Proxy answered itself.
        package var failedByKind = CaseCounts<ProxyAnswer.Kind>()
        /// Calls that were placed a second time after the upstream refused them unprocessed.
        package var retried = 0
        /// Calls that began here because the active color, the other one, had no healthy endpoint.
        package var failedOver = 0
        /// Calls that began here because they belong to the share of a release.
        package var canary = 0
        /// Calls of a release's share that couldn't reach this color, and went to the active one instead.
        package var fallenBack = 0
        /// Those of them that began here first: they are in `started`, and end elsewhere.
        package var left = 0
        /// Calls that came here by the preview listener.
        package var previewed = 0
        /// Calls that came here because their metadata named a color.
        package var named = 0
        /// Calls ended by a drain.
        package var drained = 0
        /// DATA payload bytes from clients to this color.
        package var bytesUp = 0
        /// DATA payload bytes from this color to clients.
        package var bytesDown = 0
        /// Time from a call's HEADERS to its end, summed over the calls that ended, in microseconds.
        package var durationMicroseconds = 0
        /// Calls that ended, by duration: entry n counts those at or below bound n of `durationBounds` and above the
        /// one before it; the last entry counts those above the last bound.
        package var durationBuckets = [Int](repeating: 0, count: TrafficReport.durationBounds.count + 1)
        /// Open connections to this color's endpoints.
        package var upstreamConnections = 0

        package init() {}

        /// Calls that the Proxy answered itself.
        package var failedByProxy: Int { failedByKind.total }
    }

    /// Upper bounds of the duration histogram, in microseconds.
    package static let durationBounds = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
    ]

    /// Totals of one worker.
    package struct WorkerTotals: Sendable, Equatable {
        /// Open connections of clients.
        package var clientConnections = 0
        /// Connections of clients taken since the process started.
        package var acceptedConnections = 0
        /// Calls in flight, of any color and epoch.
        package var callsInFlight = 0
        /// Connections closed for breaking a rule.
        package var closedByRule = CaseCounts<AbuseRule>()
        /// Number of times that a limit was reached which closes no connection for abuse.
        package var limitsReached = CaseCounts<Limit>()
        /// Bytes that calls take: waiting bodies, header lists, the calls themselves.
        package var bufferedBytes = 0
        /// What became of copies.
        package var copies = CopyCounts()

        package init() {}
    }

    /// The peer with the most connections.
    package struct PeerShare: Sendable, Equatable {
        /// The peer's address, network or certificate identity, as in the log.
        package var name: String
        /// Open connections of the peer, on all workers.
        package var connections: Int

        package init(name: String, connections: Int) {
            self.name = name
            self.connections = connections
        }
    }

    /// Calls in flight, one entry for each epoch and color that has any.
    package var inFlight: [InFlight] = []
    /// As `inFlight`, of calls that asked for their color, which are in no other count of calls in flight here.
    package var askedFor: [InFlight] = []
    /// Totals of each color, over all workers.
    package var colors = PerColor<ColorTotals> { _ in ColorTotals() }
    /// Totals of each worker, in the order of the workers.
    package var workers: [WorkerTotals] = []
    /// Number of processes that may still have calls and did not answer in time: the report has their last known calls,
    /// if any.
    package var unanswered = 0
    /// Number of peers with connections, not counting load balancers, which stand for others.
    package var peers = 0
    /// The peer with the most connections; `nil` if no peer has any.
    package var largestPeer: PeerShare?

    package init() {}

    /// Calls left on a color after a change, as far as is known.
    package struct Left: Sendable, Equatable {
        /// Number of calls that are known to be left.
        package var calls: Int
        /// Number of processes that may have calls and don't say so.
        package var unanswered: Int

        package init(calls: Int, unanswered: Int = 0) {
            self.calls = calls
            self.unanswered = unanswered
        }

        /// Whether no call is left, and no process that could have one.
        package var isNone: Bool { calls == 0 && unanswered == 0 }
    }

    /// The calls left on a color after a change to an epoch.
    package func left(on color: Color, before epoch: UInt64, _ scope: CallScope = .placed) -> Left {
        Left(calls: inFlight(on: color, before: epoch, scope), unanswered: unanswered)
    }

    /// Calls in flight on a color, of any epoch.
    package func inFlight(on color: Color) -> Int {
        inFlight.reduce(0) { $1.color == color ? $0 + $1.calls : $0 }
    }

    /// Calls in flight on a color that began before an epoch: those left after a switch to that epoch.
    package func inFlight(on color: Color, before epoch: UInt64, _ scope: CallScope = .placed) -> Int {
        let placed = inFlight.calls(on: color, before: epoch)
        return switch scope {
        case .placed: placed
        case .all: placed + askedFor.calls(on: color, before: epoch)
        }
    }
}

extension [TrafficReport.InFlight] {
    /// Adds calls in flight to those that began under the same epoch and color.
    package mutating func add(_ entry: Element) {
        if let index = firstIndex(where: { $0.epoch == entry.epoch && $0.color == entry.color }) {
            self[index].calls += entry.calls
        } else {
            append(entry)
        }
    }

    fileprivate func calls(on color: Color, before epoch: UInt64) -> Int {
        reduce(0) { $1.color == color && $1.epoch < epoch ? $0 + $1.calls : $0 }
    }
}

extension TrafficReport.ColorTotals {
    /// Counts a call that has ended.
    mutating func book(_ call: Call, duration microseconds: UInt64) {
        if call.isGRPC {
            let status = call.finalGRPCStatus
            finishedByStatus.count(GRPCStatus(rawValue: status) ?? .unknown)
        } else {
            finishedByHTTPClass[(1...5).contains(call.httpStatus / 100) ? call.httpStatus / 100 : 0] += 1
        }
        if let kind = call.proxyAnswer?.kind { failedByKind.count(kind) }
        bytesUp += call.bytesUp
        bytesDown += call.bytesDown
        let microseconds = Int(clamping: microseconds)
        durationMicroseconds += microseconds
        let bounds = TrafficReport.durationBounds
        durationBuckets[bounds.firstIndex { microseconds <= $0 } ?? bounds.count] += 1
    }

    /// Adds another worker's totals.
    package mutating func add(_ other: Self) {
        started += other.started
        finishedByStatus += other.finishedByStatus
        for index in finishedByHTTPClass.indices { finishedByHTTPClass[index] += other.finishedByHTTPClass[index] }
        failedByKind += other.failedByKind
        retried += other.retried
        canary += other.canary
        fallenBack += other.fallenBack
        left += other.left
        previewed += other.previewed
        named += other.named
        drained += other.drained
        failedOver += other.failedOver
        bytesUp += other.bytesUp
        bytesDown += other.bytesDown
        durationMicroseconds += other.durationMicroseconds
        for index in durationBuckets.indices { durationBuckets[index] += other.durationBuckets[index] }
        upstreamConnections += other.upstreamConnections
    }
}

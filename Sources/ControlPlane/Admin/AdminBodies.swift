import Connections
import DataPlane
import DurationSyntax
import Ground

/// The health of an endpoint in `/status`, receipts and refusals.
struct EndpointHealthBody: Encodable {
    var endpoint: String
    var state: HealthState
    var since: Timestamp
    var lastCheck: Timestamp?
    /// In milliseconds, to the microsecond.
    var latencyMs: Double?
    var lastError: String?
    var lastErrorAt: Timestamp?
    var consecutivePasses: Int
    var consecutiveFailures: Int

    init(_ health: EndpointHealth) {
        endpoint = health.endpoint.description
        state = health.state
        since = health.since
        lastCheck = health.lastCheck
        latencyMs = health.latency.map { ($0.inSeconds * 1_000_000).rounded() / 1000 }
        lastError = health.lastFailure?.reason
        lastErrorAt = health.lastFailure?.at
        consecutivePasses = health.consecutivePasses
        consecutiveFailures = health.consecutiveFailures
    }
}

/// The health of a color in receipts and refusals.
struct ColorHealthBody: Encodable {
    var color: Color
    var state: HealthState
    var endpoints: [EndpointHealthBody]

    init(_ health: ColorHealth) {
        color = health.color
        state = health.state
        endpoints = health.endpoints.map(EndpointHealthBody.init)
    }
}

/// The failover in force, in `/status`: new calls go to the other color.
struct FailoverBody: Encodable {
    var to: Color
    var since: Timestamp

    init(_ failover: Failover) {
        to = failover.to
        since = failover.since
    }
}

/// A drain in progress, in `/status` and receipts.
struct DrainBody: Encodable {
    enum State: String, Encodable {
        /// Calls still have time to end by themselves.
        case waiting
        /// The Proxy is ending the calls that are left.
        case ending
    }

    var color: Color
    var epoch: UInt64
    var state: State
    var startedAt: Timestamp
    /// A duration in the settings' syntax.
    var timeout: String
    var deadline: Timestamp
    /// When the last call will have been ended; present only while calls are being ended.
    var endsBy: Timestamp?
    /// Seconds until the Proxy begins to end calls, to the millisecond.
    var secondsLeft: Double
    var callsLeft: Int

    init(_ progress: Drainer.Progress, callsLeft: Int) {
        let drain = progress.drain
        color = drain.color
        epoch = drain.epoch
        state = drain.phase == .waiting ? .waiting : .ending
        startedAt = drain.startedAt
        timeout = drain.timeout.text
        deadline = drain.deadline
        endsBy = drain.endsBy
        secondsLeft = (progress.left.inSeconds * 1000).rounded() / 1000
        self.callsLeft = callsLeft
    }
}

/// The answer to `POST /drain/cancel`.
struct CancelledDrainBody: Encodable {
    var auditError: String?
    /// Calls that continue on the color.
    var callsLeft: Int
    var cancelled = true
    var color: Color
    var epoch: UInt64
    var who: String

    init(_ drain: Drain, callsLeft: Int, auditError: String?, who: String) {
        self.auditError = auditError
        self.callsLeft = callsLeft
        color = drain.color
        epoch = drain.epoch
        self.who = who
    }
}

/// The answer to `POST /switch` and `POST /rollback`.
struct ReceiptBody: Encodable {
    var action: Change.Action
    var at: Timestamp
    var auditError: String?
    var changed: Bool
    /// Present only if the change has begun a drain.
    var drain: DrainBody?
    /// Present only if the request waited.
    var drained: Bool?
    /// Present only in a trial.
    var dryRun: Bool?
    var epoch: UInt64
    var forced: Bool
    var from: Color
    var health: ColorHealthBody
    var inFlight: Int
    /// Present only if it isn't 0.
    var processesNotAnswering: Int?
    var reason: String?
    /// Present only if the change has begun a release, whose guard it is in.
    var release: ReleaseBody?
    var to: Color
    var who: String

    /// - Parameter waited: whether the request waited for the old color to drain.
    init(_ receipt: ChangeReceipt, request: ChangeRequest, waited: Bool, release: Release? = nil) {
        let change = receipt.change
        action = request.action
        at = change.at
        auditError = receipt.auditError
        changed = receipt.outcome == .changed
        drain = receipt.drain.map {
            DrainBody(Drainer.Progress(drain: $0, left: $0.timeout), callsLeft: receipt.inFlight)
        }
        drained = waited ? receipt.isDrained : nil
        dryRun = receipt.outcome == .wouldChange ? true : nil
        epoch = change.epoch
        forced = change.forced
        from = receipt.outcome == .unchanged ? change.to : change.from ?? change.to
        health = ColorHealthBody(receipt.health)
        inFlight = receipt.inFlight
        processesNotAnswering = receipt.unanswered > 0 ? receipt.unanswered : nil
        reason = change.reason
        self.release = release.map { ReleaseBody($0, epoch: change.epoch) }
        to = change.to
        who = change.who
    }
}

/// The answer to `GET /history`, newest change first.
struct HistoryBody: Encodable {
    var changes: [Change]
}

/// The answer to `GET /healthz` and, if the Proxy is ready, to `GET /readyz`.
struct ProbeBody: Encodable {
    var status: String
    var active: Color?
    var epoch: UInt64?
    /// The color that takes new calls while the active one can't.
    var failover: Color?
    /// `false` while the state in force is not on disk, and would be lost by a crash; left out otherwise.
    var durable: Bool?
}

/// The answer to `GET /status`.
struct StatusBody: Encodable {
    var active: Color
    var previous: Color?
    var epoch: UInt64
    var since: Timestamp
    var forced: Bool
    var reason: String?
    var who: String
    var version: String
    var startedAt: Timestamp
    var stopping: Bool
    /// Present only during a drain.
    var drain: DrainBody?
    /// Present only while new calls go to the other color.
    var failover: FailoverBody?
    /// Present only if there is a preview listener.
    var preview: PreviewBody?
    /// The end of the audit log's chain.
    var audit: AuditBody
    /// Present only if somebody is told of events.
    var events: EventsBody?
    /// Present only while a release is under way.
    var release: ReleaseSummaryBody?
    var colors: [String: ColorBody]
    var inFlight: [InFlightBody]
    /// Present only if it isn't 0.
    var processesNotAnswering: Int?
    var workers: [WorkerBody]
    var clients: ClientsBody

    /// The listener whose calls go to the color that isn't active.
    struct PreviewBody: Encodable {
        var address: String
        /// The color that its new calls go to.
        var color: Color
        /// Calls that began by it, of either color.
        var calls: Int
    }

    /// The end of the audit log's chain.
    struct AuditBody: Encodable {
        /// The number of the last line.
        var line: UInt64
        /// Its hash.
        var head: String
    }

    /// How events are delivered.
    struct EventsBody: Encodable {
        /// The number of the last event.
        var sequence: UInt64
        var waiting: Int
        /// When the oldest that waits happened; left out if none does.
        var oldest: Timestamp?
        var delivered: Int
        var refused: Int
        var fallenOut: Int
        /// Why the last attempt has failed; left out if it hasn't.
        var lastError: String?
        /// Why the events that wait are not on disk; left out if they are.
        var fileError: String?

        init(_ status: EventStatus) {
            sequence = status.sequence
            waiting = status.waiting
            oldest = status.oldest
            delivered = status.delivered
            refused = status.refused
            fallenOut = status.fallenOut
            lastError = status.lastError
            fileError = status.fileError
        }
    }

    /// The client connections of this process.
    struct ClientsBody: Encodable {
        var peers: Int
        /// The peer with the most connections, and their number; left out if there are none.
        var largestPeer: String?
        var largestPeerConnections: Int?
    }

    struct ColorBody: Encodable {
        var active: Bool
        var state: HealthState
        var inFlight: Int
        var calls: CallsBody
        var bytesUp: Int
        var bytesDown: Int
        var upstreamConnections: Int
        var endpoints: [EndpointHealthBody]
    }

    struct CallsBody: Encodable {
        var started: Int
        var finished: Int
        var failedByProxy: Int
        var retried: Int
        /// Finished gRPC calls by status, without statuses that never occurred.
        var grpcCodes: [String: Int]
    }

    struct InFlightBody: Encodable {
        var epoch: UInt64
        var color: Color
        var calls: Int
    }

    struct WorkerBody: Encodable {
        var acceptedConnections: Int
        var callsInFlight: Int
        var clientConnections: Int
    }

    init(
        state: SwitchState, health: PerColor<ColorHealth>, drain: Drainer.Progress?, failover: Failover?,
        preview: Endpoint?, audit: AuditHead, events: EventStatus?, traffic: TrafficReport,
        version: String, startedAt: Timestamp, stopping: Bool
    ) {
        active = state.active
        previous = state.previous
        epoch = state.epoch
        since = state.current.at
        forced = state.current.forced
        reason = state.current.reason
        who = state.current.who
        self.version = version
        self.startedAt = startedAt
        self.stopping = stopping
        self.drain = drain.map {
            DrainBody($0, callsLeft: traffic.inFlight(on: $0.drain.color, before: $0.drain.epoch, .all))
        }
        self.failover = failover.map(FailoverBody.init)
        release = state.release.map(ReleaseSummaryBody.init)
        self.audit = AuditBody(line: audit.line, head: audit.hash)
        self.events = events.map(EventsBody.init)
        self.preview = preview.map {
            PreviewBody(
                address: $0.description, color: state.active.other,
                calls: Color.allCases.reduce(0) { $0 + traffic.colors[$1].previewed })
        }
        colors = Dictionary(
            uniqueKeysWithValues: Color.allCases.map { color in
                let totals = traffic.colors[color]
                let body = ColorBody(
                    active: color == state.active, state: health[color].state,
                    inFlight: traffic.inFlight(on: color), calls: CallsBody(totals), bytesUp: totals.bytesUp,
                    bytesDown: totals.bytesDown, upstreamConnections: totals.upstreamConnections,
                    endpoints: health[color].endpoints.map(EndpointHealthBody.init))
                return (color.name, body)
            })
        inFlight = traffic.inFlight.map { InFlightBody(epoch: $0.epoch, color: $0.color, calls: $0.calls) }
        processesNotAnswering = traffic.unanswered > 0 ? traffic.unanswered : nil
        clients = ClientsBody(
            peers: traffic.peers, largestPeer: traffic.largestPeer?.name,
            largestPeerConnections: traffic.largestPeer?.connections)
        workers = traffic.workers.map {
            WorkerBody(
                acceptedConnections: $0.acceptedConnections, callsInFlight: $0.callsInFlight,
                clientConnections: $0.clientConnections)
        }
    }
}

extension StatusBody.CallsBody {
    init(_ totals: TrafficReport.ColorTotals) {
        started = totals.started
        finished = totals.finishedByStatus.total + totals.finishedByHTTPClass.reduce(0, +)
        failedByProxy = totals.failedByProxy
        retried = totals.retried
        grpcCodes = Dictionary(
            uniqueKeysWithValues: GRPCStatus.allCases.map { ($0.name, totals.finishedByStatus[$0]) }.filter { $0.1 > 0 }
        )
    }
}

import Certificates
import Connections
import DataPlane
import DurationSyntax
import Ground

/// Everything that `/metrics` reports, at one moment.
package struct ProxyMetrics: Sendable {
    private let state: SwitchState
    private let changeCounts: [Switchboard.Count: Int]
    private let drainCounts: [Drain.Outcome: Int]
    private let isDraining: Bool
    private let isFailingOver: Bool
    private let health: PerColor<ColorHealth>
    private let traffic: TrafficReport
    private let certificates: [CertificateStatus]
    private let auditLine: UInt64
    private let events: EventStatus?
    private let releasesEnded: [Release.Outcome: Int]
    private let isDurable: Bool
    private let now: Timestamp
    private let process: ProcessUsage?
    private let startedAt: Timestamp
    private let version: String

    package init(
        state: SwitchState, changeCounts: [Switchboard.Count: Int], drainCounts: [Drain.Outcome: Int],
        isDraining: Bool, isFailingOver: Bool, health: PerColor<ColorHealth>, traffic: TrafficReport,
        certificates: [CertificateStatus] = [], auditLine: UInt64 = 0, events: EventStatus? = nil,
        releasesEnded: [Release.Outcome: Int] = [:], isDurable: Bool = true,
        now: Timestamp = .now(), process: ProcessUsage?, startedAt: Timestamp, version: String
    ) {
        self.state = state
        self.changeCounts = changeCounts
        self.drainCounts = drainCounts
        self.isDraining = isDraining
        self.isFailingOver = isFailingOver
        self.health = health
        self.traffic = traffic
        self.certificates = certificates
        self.auditLine = auditLine
        self.events = events
        self.releasesEnded = releasesEnded
        self.isDurable = isDurable
        self.now = now
        self.process = process
        self.startedAt = startedAt
        self.version = version
    }

    /// The metrics in Prometheus' text format. Every metric is present from the start, even before it has counted
    /// anything.
    package var text: String {
        var text = PrometheusText()
        writeRoute(&text)
        writeDrains(&text)
        writeFailover(&text)
        writeReleases(&text)
        writeCalls(&text)
        writeHealth(&text)
        writeWorkers(&text)
        writeLimits(&text)
        writeCertificates(&text)
        writeEvents(&text)
        writeProcess(&text)
        return text.text
    }

    private func writeRoute(_ text: inout PrometheusText) {
        text.family("sluice_build_info", .gauge, "The running build; always 1.")
        text.sample(1, ["version": version])
        text.family("sluice_epoch", .gauge, "Number of the change that made the active color active.")
        text.sample(Int(state.epoch))
        text.family("sluice_active", .gauge, "1 for the color that takes new calls, 0 for the other.")
        for color in Color.allCases { text.sample(color == state.active ? 1 : 0, ["color": color.name]) }
        text.family(
            "sluice_active_since_timestamp_seconds", .gauge,
            "Unix time of the change that made the active color active.")
        text.sample(Double(state.current.at.milliseconds) / 1000)
        text.family("sluice_switches_total", .counter, "Requests to change the active color, by what came of them.")
        for action in [AuditEntry.Action.switch, .rollback] {
            for outcome in AuditEntry.Outcome.allCases {
                text.sample(
                    changeCounts[Switchboard.Count(action: action, outcome: outcome), default: 0],
                    ["action": action.rawValue, "outcome": outcome.rawValue])
            }
        }
    }

    private func writeDrains(_ text: inout PrometheusText) {
        text.family("sluice_draining", .gauge, "1 while calls that a change left behind have a time to end, else 0.")
        text.sample(isDraining ? 1 : 0)
        text.family("sluice_drains_total", .counter, "Drains that are over, by what came of them.")
        for outcome in Drain.Outcome.allCases {
            text.sample(drainCounts[outcome, default: 0], ["outcome": outcome.rawValue])
        }
        perColor(
            &text, "sluice_calls_ended_by_drain_total", .counter,
            "Calls that the proxy ended as their color was drained and the time was up."
        ) { $0.drained }
    }

    private func writeFailover(_ text: inout PrometheusText) {
        text.family(
            "sluice_failover_active", .gauge,
            "1 while new calls go to the other color, as no endpoint of the active one is healthy, else 0.")
        text.sample(isFailingOver ? 1 : 0)
        perColor(
            &text, "sluice_calls_failed_over_total", .counter,
            "Calls that began on this color as the active one had no healthy endpoint."
        ) { $0.failedOver }
    }

    private func writeReleases(_ text: inout PrometheusText) {
        text.family(
            "sluice_release_under_way", .gauge, "1 while a release is under way, paused or not, else 0.")
        text.sample(state.release == nil ? 0 : 1)
        text.family("sluice_release_paused", .gauge, "1 while a release is paused, else 0.")
        if case .paused = state.release?.phase { text.sample(1) } else { text.sample(0) }
        text.family("sluice_release_guard", .gauge, "1 while a release is in its guard, paused or not, else 0.")
        text.sample(state.release?.isInGuard == true ? 1 : 0)
        text.family("sluice_canary_share", .gauge, "The share of new calls that a release gives to this color.")
        for color in Color.allCases {
            let share = color == state.release?.plan.to ? state.route.share : .none
            text.sample(share.fraction, ["color": color.name])
        }
        perColor(
            &text, "sluice_calls_canary_total", .counter,
            "Calls that began on this color as they belong to the share of a release."
        ) { $0.canary }
        perColor(
            &text, "sluice_calls_fallen_back_total", .counter,
            "Calls of a release's share that couldn't reach this color and went to the other one."
        ) { $0.fallenBack }
        text.family("sluice_releases_total", .counter, "Releases that ended since the process started, by how.")
        for outcome in Release.Outcome.allCases {
            text.sample(releasesEnded[outcome, default: 0], ["outcome": outcome.rawValue])
        }
        text.family(
            "sluice_release_evidence", .gauge,
            "The strongest evidence against the new color in the step under way: 1 and more is a verdict.")
        text.sample(state.release?.strongest?.strength ?? 0)
        text.family(
            "sluice_state_durable", .gauge,
            "0 while the state in force is not on disk, and would be lost by a crash, else 1.")
        text.sample(isDurable ? 1 : 0)
        ShadowMetrics(copies: traffic.workers.map(\.copies), release: state.release).write(&text)
    }

    private func writeCalls(_ text: inout PrometheusText) {
        perColor(&text, "sluice_calls_started_total", .counter, "Calls that began.") { $0.started }
        text.family(
            "sluice_calls_asked_for_total", .counter,
            "Calls that began on a color as they asked for it, by the preview listener or by their metadata.")
        for color in Color.allCases {
            text.sample(traffic.colors[color].previewed, ["color": color.name, "by": "preview"])
            text.sample(traffic.colors[color].named, ["color": color.name, "by": "metadata"])
        }
        text.family("sluice_calls_in_flight", .gauge, "Calls that have not ended.")
        for color in Color.allCases { text.sample(traffic.inFlight(on: color), ["color": color.name]) }
        text.family("sluice_calls_total", .counter, "gRPC calls that ended, by grpc-status.")
        for color in Color.allCases {
            for status in GRPCStatus.allCases {
                text.sample(
                    traffic.colors[color].finishedByStatus[status], ["color": color.name, "grpc_code": status.name])
            }
        }
        text.family("sluice_http_responses_total", .counter, "Calls that are not gRPC and ended, by HTTP status class.")
        for color in Color.allCases {
            for (digit, count) in traffic.colors[color].finishedByHTTPClass.enumerated() {
                text.sample(count, ["color": color.name, "class": digit == 0 ? "none" : "\(digit)xx"])
            }
        }
        text.family("sluice_calls_failed_by_proxy_total", .counter, "Calls that the proxy answered itself, by why.")
        for color in Color.allCases {
            for kind in ProxyAnswer.Kind.allCases {
                text.sample(
                    traffic.colors[color].failedByKind[kind], ["color": color.name, "reason": kind.rawValue])
            }
        }
        perColor(
            &text, "sluice_call_retries_total", .counter,
            "Calls that were placed once more, as an upstream refused them unprocessed."
        ) { $0.retried }
        perColor(&text, "sluice_bytes_to_backend_total", .counter, "DATA payload bytes from clients to upstreams.") {
            $0.bytesUp
        }
        perColor(&text, "sluice_bytes_to_client_total", .counter, "DATA payload bytes from upstreams to clients.") {
            $0.bytesDown
        }
        text.family("sluice_call_duration_seconds", .histogram, "Time from a call's first headers to its end.")
        for color in Color.allCases {
            let totals = traffic.colors[color]
            text.histogram(
                ["color": color.name], bounds: TrafficReport.durationBounds.map { Double($0) / 1_000_000 },
                counts: totals.durationBuckets, sum: Double(totals.durationMicroseconds) / 1_000_000)
        }
        perColor(&text, "sluice_backend_connections", .gauge, "Open connections to upstreams.") {
            $0.upstreamConnections
        }
    }

    private func writeHealth(_ text: inout PrometheusText) {
        perEndpoint(&text, "sluice_endpoint_healthy", .gauge, "1 for an endpoint that the health checks found healthy.")
        {
            $0.state == .healthy ? 1 : 0
        }
        text.family("sluice_health_checks_total", .counter, "Rounds of health checks, by result.")
        for color in Color.allCases {
            for health in health[color].endpoints {
                let endpoint = health.endpoint.description
                text.sample(health.passes, ["color": color.name, "endpoint": endpoint, "result": "passed"])
                text.sample(health.failures, ["color": color.name, "endpoint": endpoint, "result": "failed"])
            }
        }
        text.family("sluice_health_check_latency_seconds", .gauge, "How long the last round of health checks took.")
        for color in Color.allCases {
            for health in health[color].endpoints {
                guard let latency = health.latency else { continue }
                text.sample(latency.inSeconds, ["color": color.name, "endpoint": health.endpoint.description])
            }
        }
    }

    private func writeWorkers(_ text: inout PrometheusText) {
        perWorker(&text, "sluice_client_connections", .gauge, "Open client connections.") { $0.clientConnections }
        perWorker(
            &text, "sluice_client_connections_accepted_total", .counter, "Client connections that were accepted."
        ) { $0.acceptedConnections }
        perWorker(&text, "sluice_worker_calls_in_flight", .gauge, "Calls that have not ended, by worker.") {
            $0.callsInFlight
        }
        perWorker(
            &text, "sluice_buffered_bytes", .gauge,
            "Bytes that calls take: bodies that wait, header lists, and the calls themselves."
        ) { $0.bufferedBytes }
        text.family(
            "sluice_processes_not_answering", .gauge,
            "Processes that were taken over from and don't answer: their calls are counted as they said last.")
        text.sample(traffic.unanswered)
        text.family(
            "sluice_client_peers", .gauge, "Peers with connections: addresses, and networks of 64 bits for IPv6.")
        text.sample(traffic.peers)
        text.family(
            "sluice_client_peer_connections_max", .gauge, "Open client connections of the peer that has most.")
        text.sample(traffic.largestPeer?.connections ?? 0)
        text.family(
            "sluice_connections_closed_total", .counter, "Connections that were closed for breaking a rule, by rule.")
        for rule in AbuseRule.allCases {
            text.sample(traffic.workers.reduce(0) { $0 + $1.closedByRule[rule] }, ["rule": rule.rawValue])
        }
    }

    private func writeLimits(_ text: inout PrometheusText) {
        text.family(
            "sluice_limits_reached_total", .counter,
            "Times that a limit held something up or ended it in good order, by limit.")
        for limit in Limit.allCases {
            text.sample(traffic.workers.reduce(0) { $0 + $1.limitsReached[limit] }, ["limit": limit.rawValue])
        }
    }

    private func writeCertificates(_ text: inout PrometheusText) {
        guard !certificates.isEmpty else { return }
        text.family(
            "sluice_tls_certificate_expiry_timestamp_seconds", .gauge,
            "Unix time at which the first certificate of a chain in force expires, by whom it is shown to.")
        for certificate in certificates {
            if let expiry = certificate.expiry { text.sample(Int(expiry), ["use": certificate.use.rawValue]) }
        }
        text.family(
            "sluice_tls_reloads_total", .counter, "Times that certificate files were read again, by what came of it.")
        for certificate in certificates {
            text.sample(certificate.reloads, ["use": certificate.use.rawValue, "outcome": "applied"])
            text.sample(certificate.failedReloads, ["use": certificate.use.rawValue, "outcome": "failed"])
        }
    }

    private func writeEvents(_ text: inout PrometheusText) {
        text.family("sluice_audit_lines", .gauge, "Number of the last line of the audit log's chain.")
        text.sample(Int(auditLine))
        guard let events else { return }
        text.family("sluice_events_total", .counter, "Events that wait no more, by what came of them.")
        for (outcome, count) in [
            ("delivered", events.delivered), ("refused", events.refused), ("dropped", events.fallenOut),
        ] { text.sample(count, ["outcome": outcome]) }
        text.family(
            "sluice_event_attempts_failed_total", .counter, "Attempts to deliver an event that are tried again.")
        text.sample(events.failedAttempts)
        text.family("sluice_events_waiting", .gauge, "Events that have not been delivered.")
        text.sample(events.waiting)
        text.family(
            "sluice_events_oldest_age_seconds", .gauge,
            "Time since the oldest event that has not been delivered; 0 if there is none.")
        text.sample(events.oldest.map { max(0, Double(now.milliseconds - $0.milliseconds) / 1000) } ?? 0)
    }

    // The names that all Prometheus client libraries use for these figures.
    private func writeProcess(_ text: inout PrometheusText) {
        text.family("process_start_time_seconds", .gauge, "Start time of the process since unix epoch in seconds.")
        text.sample(Double(startedAt.milliseconds) / 1000)
        guard let process else { return }
        text.family("process_resident_memory_bytes", .gauge, "Resident memory size in bytes.")
        text.sample(process.residentBytes)
        text.family("process_open_fds", .gauge, "Number of open file descriptors.")
        text.sample(process.openDescriptors)
        text.family("process_max_fds", .gauge, "Maximum number of open file descriptors.")
        text.sample(process.descriptorLimit)
        text.family("process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.")
        text.sample(process.cpuSeconds)
        text.family("process_threads", .gauge, "Number of threads.")
        text.sample(process.threads)
    }

    private func perColor(
        _ text: inout PrometheusText, _ name: String, _ kind: PrometheusText.Kind, _ help: String,
        _ value: (TrafficReport.ColorTotals) -> Int
    ) {
        text.family(name, kind, help)
        for color in Color.allCases { text.sample(value(traffic.colors[color]), ["color": color.name]) }
    }

    private func perEndpoint(
        _ text: inout PrometheusText, _ name: String, _ kind: PrometheusText.Kind, _ help: String,
        _ value: (EndpointHealth) -> Int
    ) {
        text.family(name, kind, help)
        for color in Color.allCases {
            for health in health[color].endpoints {
                text.sample(value(health), ["color": color.name, "endpoint": health.endpoint.description])
            }
        }
    }

    private func perWorker(
        _ text: inout PrometheusText, _ name: String, _ kind: PrometheusText.Kind, _ help: String,
        _ value: (TrafficReport.WorkerTotals) -> Int
    ) {
        text.family(name, kind, help)
        for (index, worker) in traffic.workers.enumerated() { text.sample(value(worker), ["worker": "\(index)"]) }
    }
}

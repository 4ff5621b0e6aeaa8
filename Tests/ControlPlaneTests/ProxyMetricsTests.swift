import Certificates
import Connections
import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct ProxyMetricsTests {
    private func metrics(
        health: PerColor<ColorHealth>? = nil, traffic: TrafficReport = TrafficReport(),
        certificates: [CertificateStatus] = [], events: EventStatus? = nil,
        version: String = "1.2.3"
    ) -> [String] {
        let usage = ProcessUsage(
            residentBytes: 1 << 20, openDescriptors: 12, descriptorLimit: 1024, cpuSeconds: 1.25, threads: 3)
        return ProxyMetrics(
            state: SwitchState(initial: .green, at: Timestamp(milliseconds: 1500)),
            changeCounts: [.init(action: .rollback, outcome: .refused): 2], drainCounts: [.ended: 3], isDraining: true,
            isFailingOver: true,
            health: health ?? PerColor(blue: .sample(.blue, .unhealthy), green: .sample(.green, .healthy)),
            traffic: traffic, certificates: certificates, auditLine: 42, events: events,
            now: Timestamp(milliseconds: 10_000), process: usage, startedAt: Timestamp(milliseconds: 2500),
            version: version
        ).text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func tellsTheRoute() {
        let lines = metrics()
        #expect(lines.contains("sluice_build_info{version=\"1.2.3\"} 1"))
        #expect(lines.contains("sluice_epoch 1"))
        #expect(lines.contains("sluice_active{color=\"blue\"} 0"))
        #expect(lines.contains("sluice_active{color=\"green\"} 1"))
        #expect(lines.contains("sluice_active_since_timestamp_seconds 1.5"))
        #expect(lines.contains("sluice_switches_total{action=\"rollback\",outcome=\"refused\"} 2"))
        #expect(lines.contains("sluice_switches_total{action=\"switch\",outcome=\"changed\"} 0"))
    }

    @Test func tellsTheDrains() {
        var report = TrafficReport()
        report.colors.blue.drained = 17
        let lines = metrics(traffic: report)
        #expect(lines.contains("sluice_draining 1"))
        #expect(lines.contains("sluice_drains_total{outcome=\"ended\"} 3"))
        #expect(lines.contains("sluice_drains_total{outcome=\"cancelled\"} 0"))
        #expect(lines.contains("sluice_calls_ended_by_drain_total{color=\"blue\"} 17"))
        #expect(lines.contains("sluice_calls_ended_by_drain_total{color=\"green\"} 0"))
    }

    @Test func tellsTheEvents() {
        #expect(metrics().contains("sluice_audit_lines 42"))
        #expect(!metrics().contains { $0.contains("sluice_event") })
        var status = EventStatus()
        (status.delivered, status.refused, status.fallenOut, status.failedAttempts, status.waiting) = (5, 4, 3, 2, 1)
        #expect(metrics(events: status).contains("sluice_events_oldest_age_seconds 0.0"))
        status.oldest = Timestamp(milliseconds: 7500)
        let lines = metrics(events: status)
        #expect(lines.contains("sluice_events_total{outcome=\"delivered\"} 5"))
        #expect(lines.contains("sluice_events_total{outcome=\"refused\"} 4"))
        #expect(lines.contains("sluice_events_total{outcome=\"dropped\"} 3"))
        #expect(lines.contains("sluice_event_attempts_failed_total 2"))
        #expect(lines.contains("sluice_events_waiting 1"))
        #expect(lines.contains("sluice_events_oldest_age_seconds 2.5"))
    }

    @Test func tellsTheFailover() {
        var report = TrafficReport()
        report.colors.green.failedOver = 5
        let lines = metrics(traffic: report)
        #expect(lines.contains("sluice_failover_active 1"))
        #expect(lines.contains("sluice_calls_failed_over_total{color=\"green\"} 5"))
        #expect(lines.contains("sluice_calls_failed_over_total{color=\"blue\"} 0"))
    }

    @Test func tellsTheCalls() {
        var report = TrafficReport()
        report.inFlight = [
            .init(epoch: 1, color: .green, calls: 2), .init(epoch: 2, color: .green, calls: 3),
            .init(epoch: 1, color: .blue, calls: 1),
        ]
        report.colors.green.started = 9
        report.colors.green.finishedByStatus[.unavailable] = 4
        report.colors.green.finishedByHTTPClass[5] = 1
        report.colors.green.finishedByHTTPClass[0] = 2
        report.colors.green.durationMicroseconds = 2_500_000
        report.colors.green.durationBuckets[0] = 3
        report.colors.green.durationBuckets[1] = 1
        report.colors.green.durationBuckets[16] = 1
        let lines = metrics(traffic: report)
        #expect(lines.contains("sluice_calls_started_total{color=\"green\"} 9"))
        #expect(lines.contains("sluice_calls_in_flight{color=\"green\"} 5"))
        #expect(lines.contains("sluice_calls_in_flight{color=\"blue\"} 1"))
        #expect(lines.contains("sluice_calls_total{color=\"green\",grpc_code=\"UNAVAILABLE\"} 4"))
        #expect(lines.contains("sluice_calls_total{color=\"blue\",grpc_code=\"OK\"} 0"))
        #expect(lines.contains("sluice_http_responses_total{color=\"green\",class=\"5xx\"} 1"))
        #expect(lines.contains("sluice_http_responses_total{color=\"green\",class=\"none\"} 2"))
        #expect(lines.contains("sluice_call_duration_seconds_bucket{color=\"green\",le=\"0.0005\"} 3"))
        #expect(lines.contains("sluice_call_duration_seconds_bucket{color=\"green\",le=\"0.001\"} 4"))
        #expect(lines.contains("sluice_call_duration_seconds_bucket{color=\"green\",le=\"60.0\"} 4"))
        #expect(lines.contains("sluice_call_duration_seconds_bucket{color=\"green\",le=\"+Inf\"} 5"))
        #expect(lines.contains("sluice_call_duration_seconds_sum{color=\"green\"} 2.5"))
        #expect(lines.contains("sluice_call_duration_seconds_count{color=\"green\"} 5"))
    }

    @Test func tellsTheCertificates() {
        #expect(!metrics().contains { $0.contains("sluice_tls") })
        var own = CertificateStatus(use: .clients, expiry: 1_800_000_000)
        own.reloads = 2
        own.failedReloads = 1
        let lines = metrics(certificates: [own, CertificateStatus(use: .upstreams, expiry: nil)])
        #expect(lines.contains("sluice_tls_certificate_expiry_timestamp_seconds{use=\"clients\"} 1800000000"))
        #expect(!lines.contains { $0.hasPrefix("sluice_tls_certificate_expiry_timestamp_seconds{use=\"upstreams\"") })
        #expect(lines.contains("sluice_tls_reloads_total{use=\"clients\",outcome=\"applied\"} 2"))
        #expect(lines.contains("sluice_tls_reloads_total{use=\"clients\",outcome=\"failed\"} 1"))
        #expect(lines.contains("sluice_tls_reloads_total{use=\"upstreams\",outcome=\"applied\"} 0"))
    }

    @Test func tellsHealthWorkersAndProcess() {
        var report = TrafficReport()
        report.workers = [.init(), .init()]
        report.workers[1].clientConnections = 4
        report.workers[0].bufferedBytes = 512
        (report.peers, report.largestPeer) = (3, TrafficReport.PeerShare(name: "192.0.2.7", connections: 9))
        report.workers[0].closedByRule[.resets] = 2
        report.workers[1].closedByRule[.resets] = 3
        report.unanswered = 2
        let lines = metrics(traffic: report)
        #expect(lines.contains("sluice_endpoint_healthy{color=\"blue\",endpoint=\"127.0.0.1:50051\"} 0"))
        #expect(lines.contains("sluice_endpoint_healthy{color=\"green\",endpoint=\"127.0.0.1:50052\"} 1"))
        #expect(
            lines.contains {
                $0.hasPrefix(
                    "sluice_health_check_latency_seconds{color=\"green\",endpoint=\"127.0.0.1:50052\"} 0.00123")
            })
        #expect(lines.contains("sluice_client_connections{worker=\"0\"} 0"))
        #expect(lines.contains("sluice_client_connections{worker=\"1\"} 4"))
        #expect(lines.contains("sluice_buffered_bytes{worker=\"0\"} 512"))
        #expect(lines.contains("sluice_client_peers 3"))
        #expect(lines.contains("sluice_client_peer_connections_max 9"))
        #expect(lines.contains("sluice_connections_closed_total{rule=\"resets\"} 5"))
        #expect(lines.contains("sluice_connections_closed_total{rule=\"pings\"} 0"))
        #expect(lines.contains("sluice_processes_not_answering 2"))
        #expect(lines.contains("process_resident_memory_bytes 1048576"))
        #expect(lines.contains("process_open_fds 12"))
        #expect(lines.contains("process_start_time_seconds 2.5"))
        #expect(lines.contains("process_cpu_seconds_total 1.25"))
    }

    @Test func escapesLabels() {
        #expect(metrics(version: "a\\b\"c\nd").contains(#"sluice_build_info{version="a\\b\"c\nd"} 1"#))
    }

    @Test func announcesEveryMetricOnce() {
        var report = TrafficReport()
        report.workers = [.init()]
        let lines = metrics(traffic: report)
        #expect(lines.last == "")
        var announced: Set<String> = []
        var current = ""
        for line in lines.dropLast() {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") {
                current = String(words[2])
                #expect(announced.insert(current).inserted, "\(current) twice")
            } else if line.hasPrefix("# TYPE ") {
                #expect(words[2] == current)
                let isTotal = current.hasSuffix("_total")
                #expect((words[3] == "counter") == isTotal)
            } else {
                let name = line.prefix { $0 != "{" && $0 != " " }
                #expect(name == current || ["_bucket", "_sum", "_count"].contains { name == current + $0 })
                #expect(Double(words.last!) != nil)
            }
        }
        #expect(announced.count > 20)
    }
}

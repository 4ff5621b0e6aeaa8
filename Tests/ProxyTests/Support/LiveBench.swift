import LogRecords
import ControlPlane
import DataPlane
import Ground
import HealthCheck
import JSONLogging
import Proxy
import Settings

/// The parts of a Proxy that follow the settings, with nothing running.
struct LiveBench {
    private struct NoChecker: HealthChecking {
        func check(_ check: HealthCheck, host: String, port: UInt16, timeout: Duration) async -> HealthCheckResult {
            HealthCheckResult(outcome: .healthy, latency: .zero)
        }

        func watch(service: String, host: String, port: UInt16, timeout: Duration) -> any HealthWatching {
            preconditionFailure("no monitor runs here that could watch")
        }
    }

    let records = LogRecords()
    let parts: LiveParts

    init() throws {
        let (logger, standard) = (records.logger, try settings())
        let dataPlane = try DataPlane.idle()
        let failover = FailoverWatch(active: .blue, isEnabled: standard.failover, logger: logger)
        parts = LiveParts(
            threshold: LogThreshold(standard.logLevel), leaving: Leaving(grace: Leaving.Grace(standard)),
            drainer: Drainer(traffic: dataPlane, timeout: standard.drainTimeout, logger: logger),
            monitor: HealthMonitor(
                configuration: HealthMonitor.Configuration(standard), checker: NoChecker(), traffic: dataPlane,
                failover: failover, logger: logger),
            dataPlane: dataPlane, failover: failover)
    }

    /// Whether new calls would go to the other color if the active one were down.
    var failsOver: Bool {
        parts.failover.changed(routable: PerColor(blue: [false], green: [true]))
        return parts.failover.current != nil
    }

    /// The time that calls have after a change that doesn't say.
    var drainTimeout: Duration? {
        let change = Change(
            epoch: 2, action: .switch, from: .blue, to: .green, at: Timestamp(milliseconds: 0), who: "someone")
        defer { _ = parts.drainer.cancel() }
        return parts.drainer.changed(change, .standard)?.timeout
    }
}

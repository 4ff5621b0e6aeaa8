import ControlPlane
import DataPlane
import JSONLogging
import Settings

/// The parts of the running Proxy that follow settings when they are read again.
struct LiveParts: Sendable {
    var threshold: LogThreshold
    var leaving: Leaving
    var drainer: Drainer
    var monitor: HealthMonitor
    var dataPlane: DataPlane
    var failover: FailoverWatch

    /// Puts in force what is live (`Setting.isLive`) and has changed. It can't fail.
    ///
    /// - Parameter settings: what is not live in them is as it was at the start.
    func follow(_ settings: ProxySettings) async {
        threshold.level = settings.logLevel
        leaving.grace.current = Leaving.Grace(settings)
        drainer.set(timeout: settings.drainTimeout)
        await monitor.set(HealthMonitor.Configuration(settings))
        dataPlane.publish(limits: settings.limits, failover: settings.failover)
        failover.set(isEnabled: settings.failover)
    }
}

extension Leaving.Grace {
    init(_ settings: ProxySettings) {
        self.init(shutdown: settings.shutdownGrace, restart: settings.restartGrace)
    }
}

extension HealthMonitor.Configuration {
    /// What the settings say about health checks.
    init(_ settings: ProxySettings) {
        self.init(
            endpoints: settings.endpoints, checks: settings.healthChecks, interval: settings.healthInterval,
            timeout: settings.healthTimeout, rise: settings.healthRise, fall: settings.healthFall)
    }
}

import ControlPlane
import DataPlane
import JSONLogging
import Settings

/// The parts of the running Proxy that follow the settings when they are read again.
struct LiveParts: Sendable {
    var threshold: LogThreshold
    var leaving: Leaving
    var drainer: Drainer
    var monitor: HealthMonitor
    var dataPlane: DataPlane
    var failover: FailoverWatch

    /// Puts in force the settings that are live (`Setting.isLive`) and have changed. It can't fail.
    ///
    /// - Parameter settings: those that aren't live must be as they were at the start.
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
    /// The part of the settings that concerns health checks.
    init(_ settings: ProxySettings) {
        self.init(
            endpoints: settings.endpoints, checks: settings.healthChecks, interval: settings.healthInterval,
            timeout: settings.healthTimeout, rise: settings.healthRise, fall: settings.healthFall)
    }
}

import ControlPlane
import DataPlane
import JSONLogging
import Settings

/// The parts of the running Proxy that follow the settings when they are read again.
package struct LiveParts: Sendable {
    package var threshold: LogThreshold
    package var leaving: Leaving
    package var drainer: Drainer
    package var monitor: HealthMonitor
    package var dataPlane: DataPlane
    package var failover: FailoverWatch

    package init(
        threshold: LogThreshold, leaving: Leaving, drainer: Drainer, monitor: HealthMonitor, dataPlane: DataPlane,
        failover: FailoverWatch
    ) {
        self.threshold = threshold
        self.leaving = leaving
        self.drainer = drainer
        self.monitor = monitor
        self.dataPlane = dataPlane
        self.failover = failover
    }

    /// Puts in force the settings that are live (`Setting.isLive`) and have changed. It can't fail.
    ///
    /// - Parameter settings: those that aren't live must be as they were at the start.
    package func follow(_ settings: ProxySettings) async {
        threshold.level = settings.logLevel
        leaving.grace.current = Leaving.Grace(settings)
        drainer.set(timeout: settings.drainTimeout)
        await monitor.set(HealthMonitor.Configuration(settings))
        dataPlane.publish(limits: settings.limits, failover: settings.failover)
        failover.set(isEnabled: settings.failover)
    }
}

extension Leaving.Grace {
    package init(_ settings: ProxySettings) {
        self.init(shutdown: settings.shutdownGrace, restart: settings.restartGrace)
    }
}

extension HealthMonitor.Configuration {
    /// The part of the settings that concerns health checks.
    package init(_ settings: ProxySettings) {
        self.init(
            endpoints: settings.endpoints, checks: settings.healthChecks, interval: settings.healthInterval,
            timeout: settings.healthTimeout, rise: settings.healthRise, fall: settings.healthFall)
    }
}

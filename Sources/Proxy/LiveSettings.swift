import ControlPlane
import DataPlane
import JSONLogging
import Settings

/// Settings that a part of the running Proxy can follow.
struct LiveSettings: Sendable {
    /// Puts settings in force; it can't fail.
    typealias Apply = @Sendable () async -> Void

    /// Those that may change. A change of any other is ignored until the next start.
    var names: Set<SettingName>
    /// Makes ready for settings that were read again, at every request, whether or not one of `names` has changed: files
    /// that they name may have. It changes nothing; that is for what it returns, which is called once everyone is ready.
    ///
    /// - Throws: `SettingsErrors` where they can't be followed: then nothing changes anywhere.
    var prepare: @Sendable (ProxySettings) throws(SettingsErrors) -> Apply

    init(
        _ names: Set<SettingName>, prepare: @escaping @Sendable (ProxySettings) throws(SettingsErrors) -> Apply
    ) {
        self.names = names
        self.prepare = prepare
    }

    static func logLevel(_ threshold: LogThreshold) -> LiveSettings {
        LiveSettings([.logLevel]) { settings in { threshold.level = settings.logLevel } }
    }

    static func grace(_ leaving: Leaving) -> LiveSettings {
        LiveSettings([.shutdownGrace, .restartGrace]) { settings in { leaving.grace.current = Leaving.Grace(settings) }
        }
    }

    static func drainTimeout(_ drainer: Drainer) -> LiveSettings {
        LiveSettings([.drainTimeout]) { settings in { drainer.set(timeout: settings.drainTimeout) } }
    }

    static func health(_ monitor: HealthMonitor) -> LiveSettings {
        LiveSettings([.healthCheck, .healthInterval, .healthTimeout, .healthRise, .healthFall]) { settings in
            { await monitor.set(HealthMonitor.Configuration(settings)) }
        }
    }

    static func traffic(_ dataPlane: DataPlane, _ failover: FailoverWatch) -> LiveSettings {
        LiveSettings(SettingName.limits.union([.failover])) { settings in
            {
                dataPlane.publish(limits: settings.limits, failover: settings.failover)
                failover.set(isEnabled: settings.failover)
            }
        }
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

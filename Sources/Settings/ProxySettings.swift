import DataPlane
import Ground
import HealthCheck
import Logging

/// Everything that can be set about the Proxy, read and checked.
///
/// Each property is at first what it is by default. `SettingTable` says how it is given.
package struct ProxySettings: Sendable {
    /// Where clients connect; port 0 takes any free port.
    package internal(set) var listen = Endpoint(host: "0.0.0.0", port: 50050)
    /// Where the admin API is; port 0 takes any free port.
    package internal(set) var admin = Endpoint(host: "127.0.0.1", port: 9901)
    /// At least one each, none twice within a color.
    package internal(set) var endpoints = PerColor(
        blue: [Endpoint(host: "127.0.0.1", port: 50051)], green: [Endpoint(host: "127.0.0.1", port: 50052)])

    /// Threads that forward calls, 1 or more. By default one for each processor.
    package internal(set) var workers = 1
    /// How long a worker waits for more without sleeping; `nil` for not at all.
    package internal(set) var busyPoll: Duration?
    /// What calls are given to finish at the end.
    package internal(set) var shutdownGrace: Duration = .seconds(30)
    /// What calls are given once another process has taken over; `nil` for ever.
    package internal(set) var restartGrace: Duration?

    /// All must pass; empty for `none`.
    package internal(set) var healthChecks: [HealthCheck] = [.grpc(service: "")]
    /// From one check of an endpoint to the next.
    package internal(set) var healthInterval: Duration = .seconds(1)
    /// What a check may take.
    package internal(set) var healthTimeout: Duration = .seconds(1)
    /// Passes in a row that make an unhealthy endpoint healthy.
    package internal(set) var healthRise = 2
    /// Failures in a row that make a healthy endpoint unhealthy.
    package internal(set) var healthFall = 3

    /// The active color of the very first start.
    package internal(set) var initial = Color.blue
    /// What calls on the old color are given after a change; `nil` for ever.
    package internal(set) var drainTimeout: Duration?
    /// Whether new calls go to the other color while none of the active one's endpoints is healthy.
    package internal(set) var failover = false

    package internal(set) var stateFile = "sluice-state.json"
    package internal(set) var auditLog = "sluice-audit.jsonl"
    package internal(set) var accessLog = AccessLogDestination.standardOutput
    /// The least severe of what is logged.
    package internal(set) var logLevel = Logger.Level.info

    package internal(set) var adminTokenFile: String?
    // What these come to together, `adminTLS`, `tls` and `upstreamTLS` tell.
    var adminTLSCertificate: String?
    var adminTLSKey: String?
    var tlsCertificate: String?
    var tlsKey: String?
    var tlsClientAuthority: String?
    var forwardsClientIdentity = false
    var usesUpstreamTLS = false
    var upstreamTLSAuthority: String?
    var upstreamTLSCertificate: String?
    var upstreamTLSKey: String?
    var upstreamTLSServerName: String?

    package internal(set) var limits = DataPlaneLimits()

    /// Where each setting comes from; those that are not in it have their default.
    private var sources: [SettingName: SettingSource] = [:]

    /// All defaults, with one worker.
    init() {}

    /// Reads the settings from wherever they are given: flags, then environment, then the file.
    ///
    /// - Parameters:
    ///   - flags: what the command line gives, without the names it doesn't.
    ///   - environment: all variables; one that is set to nothing is as wrong as a flag without a value would be.
    ///   - file: what `--config` names.
    ///   - cores: the default of `--workers`.
    /// - Throws: `SettingsErrors` with everything that is wrong.
    package init(
        flags: [SettingName: [String]], environment: [String: String], file: ConfigurationFile?, cores: Int
    ) throws(SettingsErrors) {
        workers = cores
        var reader = SettingReader(flags: flags, environment: environment, file: file)
        for setting in SettingTable.settings { setting.read(&reader, into: &self) }
        sources = reader.sources
        let errors = reader.errors + contradictions
        guard errors.isEmpty else { throw SettingsErrors(errors) }
    }

    /// Where a setting comes from.
    package func source(of setting: some DeclaredSetting) -> SettingSource {
        sources[setting.name] ?? .standard
    }

    /// An error about a setting as it is given here.
    ///
    /// - Parameters:
    ///   - given: the value, or the part of it that is wrong.
    ///   - allowed: what would do instead.
    package func rejection(of setting: some DeclaredSetting, _ given: String, allowed: String) -> SettingsError {
        SettingsError(setting.name, given, from: source(of: setting), allowed: allowed)
    }

    /// Takes over one setting, with where it comes from.
    mutating func take(_ setting: some DeclaredSetting, from other: ProxySettings) {
        setting.copy(from: other, to: &self)
        sources[setting.name] = other.sources[setting.name]
    }
}

import DataPlane
import Ground
import HealthCheck
import Logging

/// All settings of the Proxy, read and checked.
///
/// Each property's initial value is its default. `SettingTable` defines how each is given.
package struct ProxySettings: Sendable {
    /// The address for clients; port 0 takes any free port.
    package internal(set) var listen = Endpoint(host: "0.0.0.0", port: 50050)
    /// The address of the admin API; port 0 takes any free port.
    package internal(set) var admin = Endpoint(host: "127.0.0.1", port: 9901)
    /// At least one per color, without duplicates within a color.
    package internal(set) var endpoints = PerColor(
        blue: [Endpoint(host: "127.0.0.1", port: 50051)], green: [Endpoint(host: "127.0.0.1", port: 50052)])

    /// The number of threads that forward calls, at least 1. The default is one for each processor.
    package internal(set) var workers = 1
    /// How long a worker waits for more calls without sleeping; `nil` if it sleeps at once.
    package internal(set) var busyPoll: Duration?
    /// The time that calls have to finish when the process ends.
    package internal(set) var shutdownGrace: Duration = .seconds(30)
    /// The time that calls have to finish once another process has taken over; `nil` for no limit.
    package internal(set) var restartGrace: Duration?
    /// Path of the socket at which a new process takes over; `nil` for none.
    package internal(set) var handoverSocket: String?

    /// All checks must pass; empty for `none`.
    package internal(set) var healthChecks: [HealthCheck] = [.grpc(service: "")]
    /// From one check of an endpoint to the next.
    package internal(set) var healthInterval: Duration = .seconds(1)
    /// The time limit for a check.
    package internal(set) var healthTimeout: Duration = .seconds(1)
    /// Passes in a row that make an unhealthy endpoint healthy.
    package internal(set) var healthRise = 2
    /// Failures in a row that make a healthy endpoint unhealthy.
    package internal(set) var healthFall = 3

    /// The active color of the very first start.
    package internal(set) var initial = Color.blue
    /// How long calls on the old color may continue after a change; `nil` for no limit.
    package internal(set) var drainTimeout: Duration?
    /// Whether new calls go to the other color while none of the active one's endpoints is healthy.
    package internal(set) var failover = false

    /// The address whose calls go to the color that isn't active, with port 0 for any free port; `nil` for none.
    package internal(set) var preview: Endpoint?
    /// Whether `preview` may be reached from other hosts without a client certificate.
    package internal(set) var previewIsOpen = false
    /// The name of the metadata by which a call may choose its color; `nil` for none.
    package internal(set) var routeMetadata: String?
    /// Whether clients are told which color has answered.
    package internal(set) var announces = false
    /// What a release keeps on one color.
    package internal(set) var stickyKey = StickyKey.none
    /// What a shadow step may copy.
    package internal(set) var copies = CopySettings()
    /// Where the types of messages are known from.
    package internal(set) var descriptors = DescriptorSource.off
    /// Whether the comparison of answers shows strings and bytes.
    package internal(set) var revealsValues = false

    /// Where events are sent to; `nil` for nowhere.
    package internal(set) var onEvent: WebAddress?
    /// Path of the file with the key that events are signed with; `nil` for no signature.
    package internal(set) var onEventKeyFile: String?
    /// Path of the authorities of the receiver's certificate; `nil` for the system's.
    package internal(set) var onEventAuthority: String?
    /// How many events may wait for the receiver.
    package internal(set) var eventBacklog = 1000
    var eventFile: String?

    /// Path of the state file.
    package internal(set) var stateFile = "sluice-state.json"
    /// Path of the audit log.
    package internal(set) var auditLog = "sluice-audit.jsonl"
    /// The destination of the access log.
    package internal(set) var accessLog = AccessLogDestination.standardOutput
    /// The least severe level that is logged.
    package internal(set) var logLevel = Logger.Level.info

    /// Path of the file with the admin API's tokens; `nil` if none is needed.
    package internal(set) var adminTokenFile: String?
    // `adminTLS`, `tls` and `upstreamTLS` combine these.
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

    /// Limits of the data plane, with units at each.
    package internal(set) var limits = DataPlaneLimits()

    /// The source of each setting that isn't at its default.
    private var sources: [SettingName: SettingSource] = [:]

    /// All defaults, with one worker.
    init() {}

    /// Reads the settings from all sources: flags, then environment, then the file.
    ///
    /// - Parameters:
    ///   - flags: the values on the command line; names that are not given are left out.
    ///   - environment: all variables; an empty value is as invalid as a flag without a value.
    ///   - file: the file named by `--config`.
    ///   - cores: the default of `--workers`.
    /// - Throws: `SettingsErrors` with everything that is wrong.
    package init(
        flags: [SettingName: [String]], environment: [String: String], file: ConfigurationFile?, cores: Int
    ) throws(SettingsErrors) {
        workers = cores
        var reader = SettingReader(flags: flags, environment: environment, file: file)
        for setting in SettingTable.settings { setting.read(&reader, into: &self) }
        sources = reader.sources
        let errors = (file?.flaws ?? []) + reader.errors + contradictions
        guard errors.isEmpty else { throw SettingsErrors(errors) }
    }

    /// Path of the file that keeps the events that wait.
    package var eventQueueFile: String { eventFile ?? stateFile + ".events" }

    /// The source of a setting's value.
    package func source(of setting: some DeclaredSetting) -> SettingSource {
        sources[setting.name] ?? .standard
    }

    /// An error about a setting's value, which names its source.
    ///
    /// - Parameters:
    ///   - given: the value, or the part of it that is wrong.
    ///   - allowed: what is allowed instead.
    package func rejection(of setting: some DeclaredSetting, _ given: String, allowed: String) -> SettingsError {
        SettingsError(setting.name, given, from: source(of: setting), allowed: allowed)
    }

    /// Copies one setting, with its source.
    mutating func take(_ setting: some DeclaredSetting, from other: ProxySettings) {
        setting.copy(from: other, to: &self)
        sources[setting.name] = other.sources[setting.name]
    }
}

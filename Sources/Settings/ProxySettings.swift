import DataPlane
import DurationSyntax
import Ground
import HealthCheck
import Logging

/// Everything that can be set about the Proxy, read and checked.
package struct ProxySettings: Sendable {
    /// Where clients connect; port 0 takes any free port.
    package var listen: Endpoint
    /// Where the admin API is; port 0 takes any free port.
    package var admin: Endpoint
    /// At least one each, none twice within a color.
    package var endpoints: PerColor<[Endpoint]>
    package var workers: Int
    /// How long a worker waits for more without sleeping; `nil` for not at all.
    package var busyPoll: Duration?
    /// All must pass; empty for `none`.
    package var healthChecks: [HealthCheck]
    package var healthInterval: Duration
    package var healthTimeout: Duration
    package var healthRise: Int
    package var healthFall: Int
    /// The active color of the very first start.
    package var initial: Color
    package var stateFile: String
    package var auditLog: String
    package var accessLog: AccessLogDestination
    package var logLevel: Logger.Level
    package var adminTokenFile: String?
    /// The certificate of the admin API; `nil` for plaintext.
    package var adminTLS: CertificateFiles?
    package var shutdownGrace: Duration
    /// What calls are given once another process has taken over; `nil` for ever.
    package var restartGrace: Duration?
    /// What calls on the old color are given after a change; `nil` for ever.
    package var drainTimeout: Duration?
    /// The certificate clients are shown; `nil` for plaintext.
    package var tls: TLSFiles?
    /// How backends are spoken to; `nil` for plaintext.
    package var upstreamTLS: UpstreamTLSFiles?
    /// Whether new calls go to the other color while none of the active one's endpoints is healthy.
    package var failover: Bool
    package var limits: DataPlaneLimits
    /// Where each setting comes from; those that are not in it have their default.
    package private(set) var sources: [SettingName: SettingSource]

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
        var reader = SettingReader(flags: flags, environment: environment, file: file)
        listen = reader.read(
            .listen, default: Endpoint(host: "0.0.0.0", port: 50050), allowed: Self.addressForm
        ) { Endpoint($0) }
        admin = reader.read(
            .admin, default: Endpoint(host: "127.0.0.1", port: 9901), allowed: Self.addressForm
        ) { Endpoint($0) }
        endpoints = PerColor(
            blue: Self.readEndpoints(.blue, default: 50051, &reader),
            green: Self.readEndpoints(.green, default: 50052, &reader))
        workers = reader.readInteger(.workers, default: cores, in: 1...1024)
        busyPoll = reader.readDurationOrOff(.busyPoll, default: nil, in: .milliseconds(1) ... .seconds(60))
        healthChecks = Self.readChecks(&reader)
        healthInterval = reader.readDuration(
            .healthInterval, default: .seconds(1), in: .milliseconds(50) ... .seconds(3600))
        healthTimeout = reader.readDuration(
            .healthTimeout, default: .seconds(1), in: .milliseconds(10) ... .seconds(60))
        healthRise = reader.readInteger(.healthRise, default: 2, in: 1...100)
        healthFall = reader.readInteger(.healthFall, default: 3, in: 1...100)
        initial = reader.read(.initial, default: .blue, allowed: "blue, green") { Color(name: $0) }
        let path = SettingReader.path
        stateFile = reader.read(.stateFile, default: "sluice-state.json", allowed: "a file's path", path)
        auditLog = reader.read(.auditLog, default: "sluice-audit.jsonl", allowed: "a file's path", path)
        accessLog = reader.read(.accessLog, default: .standardOutput, allowed: "a file's path, - or off") { text in
            switch text {
            case "off": .off
            case "-": .standardOutput
            default: path(text).map { .file(path: $0) }
            }
        }
        logLevel = reader.read(
            .logLevel, default: .info, allowed: Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        ) { Logger.Level(rawValue: $0) }
        adminTokenFile = reader.read(.adminTokenFile, default: nil, allowed: "a file's path") { path($0) }
        adminTLS = CertificateFiles(&reader, certificate: .adminTLSCert, key: .adminTLSKey)
        shutdownGrace = reader.readDuration(.shutdownGrace, default: .seconds(30), in: .zero ... .seconds(86_400))
        restartGrace = reader.readDurationOrOff(.restartGrace, default: nil, in: .zero ... .seconds(604_800))
        drainTimeout = reader.readDurationOrOff(.drainTimeout, default: nil, in: .zero ... .seconds(86_400))
        tls = TLSFiles(&reader)
        upstreamTLS = UpstreamTLSFiles(&reader)
        failover = reader.readSwitch(.failover, default: false)
        limits = LimitSetting.read(&reader)
        sources = reader.sources
        checkAddresses(&reader)
        guard reader.errors.isEmpty else { throw SettingsErrors(reader.errors) }
    }

    /// Where a setting comes from.
    package func source(of name: SettingName) -> SettingSource {
        sources[name] ?? .standard
    }

    private static let addressForm = "HOST:PORT, with an IPv6 address in brackets and port 0 for any free port"

    private static func readEndpoints(
        _ name: SettingName, default port: UInt16, _ reader: inout SettingReader
    ) -> [Endpoint] {
        let standard = [Endpoint(host: "127.0.0.1", port: port)]
        let endpoints = reader.readAll(
            name, default: standard,
            allowed: "HOST:PORT[,HOST:PORT…], with an IPv6 address in brackets and ports 1 to 65535"
        ) { text in
            Endpoint(text).flatMap { $0.port == 0 ? nil : $0 }
        }
        for (index, endpoint) in endpoints.enumerated() where endpoints[..<index].contains(endpoint) {
            reader.reject(name, endpoint.description, allowed: "each endpoint once")
        }
        return endpoints
    }

    private static func readChecks(_ reader: inout SettingReader) -> [HealthCheck] {
        // `nil` stands for `none`.
        let checks = reader.readAll(
            .healthCheck, default: [HealthCheck.grpc(service: "")],
            allowed: "grpc, grpc:SERVICE, http:/PATH, tcp, or none alone"
        ) { text -> HealthCheck?? in
            if text == "none" { return .some(nil) }
            let isPlain = text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            return isPlain ? HealthCheck(text).map { .some($0) } : nil
        }
        if checks.contains(nil) && checks.count > 1 {
            reader.reject(.healthCheck, "none", allowed: "none alone, or other checks without it")
        }
        for (index, check) in checks.enumerated() where check != nil && checks[..<index].contains(check) {
            reader.reject(.healthCheck, "\(check!)", allowed: "each check once")
        }
        return checks.compactMap { $0 }
    }

    private func checkAddresses(_ reader: inout SettingReader) {
        if adminTokenFile == nil && !admin.isLoopback {
            reader.reject(
                .admin, admin.description,
                allowed:
                    "an address of the loopback (127.0.0.1, ::1, localhost), or any with \(SettingName.adminTokenFile.flag)"
            )
        }
        if admin.port != 0 && admin.meets(listen) {
            reader.reject(
                .admin, admin.description, allowed: "an address other than that of \(SettingName.listen.flag)")
        }
        for (name, color) in [(SettingName.blue, Color.blue), (.green, .green)] {
            for endpoint in endpoints[color] where endpoint.meets(listen) {
                reader.reject(
                    name, endpoint.description, allowed: "backends, not the address the Proxy itself listens on")
            }
        }
    }
}

extension Endpoint {
    /// Whether connecting here reaches what listens there, as far as the text tells.
    fileprivate func meets(_ listener: Endpoint) -> Bool {
        let isEverywhere = listener.host == "0.0.0.0" || listener.host == "::"
        return port == listener.port
            && (host == listener.host || (isEverywhere && (isLoopback || host == "0.0.0.0" || host == "::")))
    }
}

extension ProxySettings {
    /// A setting's value as it would be written; `nil` for one that has none.
    package func text(of name: SettingName) -> String? {
        switch name {
        case .listen: listen.description
        case .admin: admin.description
        case .blue: endpoints.blue.map(\.description).joined(separator: ",")
        case .green: endpoints.green.map(\.description).joined(separator: ",")
        case .workers: "\(workers)"
        case .busyPoll: busyPoll?.text ?? "off"
        case .healthCheck:
            healthChecks.isEmpty ? "none" : healthChecks.map(\.description).joined(separator: ",")
        case .healthInterval: healthInterval.text
        case .healthTimeout: healthTimeout.text
        case .healthRise: "\(healthRise)"
        case .healthFall: "\(healthFall)"
        case .initial: initial.name
        case .stateFile: stateFile
        case .auditLog: auditLog
        case .accessLog:
            switch accessLog {
            case .off: "off"
            case .standardOutput: "-"
            case .file(let path): path
            }
        case .logLevel: logLevel.rawValue
        case .adminTokenFile: adminTokenFile
        case .adminTLSCert: adminTLS?.certificate
        case .adminTLSKey: adminTLS?.key
        case .shutdownGrace: shutdownGrace.text
        case .restartGrace: restartGrace?.text ?? "off"
        case .drainTimeout: drainTimeout?.text ?? "off"
        case .tlsCert: tls?.identity.certificate
        case .tlsKey: tls?.identity.key
        case .tlsClientCA: tls?.clientAuthority
        case .forwardClientIdentity: tls?.forwardsClientIdentity == true ? "on" : "off"
        case .upstreamTLS: upstreamTLS == nil ? "off" : "on"
        case .upstreamTLSCA: upstreamTLS?.authority
        case .upstreamTLSCert: upstreamTLS?.identity?.certificate
        case .upstreamTLSKey: upstreamTLS?.identity?.key
        case .upstreamTLSServerName: upstreamTLS?.serverName
        case .failover: failover ? "on" : "off"
        default: LimitSetting.text(of: name, in: limits)
        }
    }
}

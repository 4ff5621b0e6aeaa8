import Settings
import Testing

/// Reads settings as a process with three processors would.
///
/// - Parameters:
///   - flags: values by name, without dashes.
///   - yaml: text of the settings file.
func read(
    _ flags: [String: [String]] = [:], _ environment: [String: String] = [:], _ yaml: String? = nil
) throws(SettingsErrors) -> ProxySettings {
    var file: ConfigurationFile?
    if let yaml { file = try ConfigurationFile(path: "proxy.yaml", text: yaml) }
    let given = flags.compactMap { name, values in
        let setting = SettingTable.setting(named: name)
        #expect(setting != nil, "there is no setting \(name)")
        return setting.map { ($0.name, values) }
    }
    return try ProxySettings(
        flags: Dictionary(uniqueKeysWithValues: given), environment: environment, file: file, cores: 3)
}

/// The errors that reading reports; empty if there are none.
func errors(
    _ flags: [String: [String]] = [:], _ environment: [String: String] = [:], _ yaml: String? = nil
) -> [String] {
    do {
        _ = try read(flags, environment, yaml)
        return []
    } catch {
        return error.errors.map(\.description)
    }
}

extension ProxySettings {
    /// The value of the setting with this name, as it is written; `nil` if it has none.
    func text(_ name: String) throws -> String? {
        try #require(SettingTable.setting(named: name)).text(in: self)
    }
}

/// For each setting, a value other than its default, as it is written and shown.
let otherThanDefault: [String: String] = [
    "listen": "[::1]:0",
    "admin": "0.0.0.0:9000",
    "blue": "b1:1,b2:2",
    "green": "[fe80::1]:3",
    "workers": "8",
    "busy-poll": "5ms",
    "health-check": "grpc:pkg.Service,http:/health?a=b,tcp,http://:8000/ready,grpc-watch:pkg.Service",
    "health-interval": "250ms",
    "health-timeout": "2s",
    "health-rise": "1",
    "health-fall": "5",
    "initial": "green",
    "on-event": "https://hooks.example.org:8443/sluice?a=b",
    "on-event-key-file": "/run/secrets/event-key",
    "on-event-ca": "/etc/eca.pem",
    "event-backlog": "250",
    "event-file": "/var/lib/events",
    "state-file": "/var/lib/s.json",
    "audit-log": "/var/log/a.jsonl",
    "access-log": "/var/log/access",
    "log-level": "debug",
    "admin-token-file": "/run/secrets/token",
    "shutdown-grace": "1m30s",
    "restart-grace": "1h",
    "handover-socket": "/run/sluice/handover.sock",
    "drain-timeout": "2m",
    "admin-tls-cert": "/etc/ac.pem",
    "admin-tls-key": "/etc/ak.pem",
    "tls-cert": "/etc/c.pem",
    "tls-key": "/etc/k.pem",
    "tls-client-ca": "/etc/ca.pem",
    "forward-client-identity": "on",
    "upstream-tls": "on",
    "upstream-tls-ca": "/etc/uca.pem",
    "upstream-tls-cert": "/etc/uc.pem",
    "upstream-tls-key": "/etc/uk.pem",
    "upstream-tls-server-name": "backend.internal",
    "failover": "on",
    "preview": "127.0.0.1:50049",
    "preview-open": "on",
    "route-metadata": "x-color",
    "announce": "on",
    "sticky-key": "metadata:x-user",
    "shadow-methods": "/a.B/*,/a.C/D",
    "noise-methods": "/a.B/*",
    "shadow-buffer": "65536",
    "descriptors": "model.binpb",
    "reveal-values": "on",
    "max-concurrent-streams": "250",
    "max-connections": "20",
    "idle-timeout": "off",
    "stream-idle-timeout": "10m",
    "upstream-keepalive": "1m",
    "stream-window": "1024",
    "connection-window": "2097152",
    "max-header-list-size": "8192",
    "max-header-fields": "50",
    "reset-budget": "20",
    "reset-refill": "1s",
    "trusted-peers": "10.0.0.0/8,fd00::1/128",
    "proxy-protocol": "192.0.2.0/24",
    "control-frame-budget": "500",
    "min-ping-interval": "0s",
    "max-buffered-bytes": "1073741824",
    "max-replay-bytes": "0",
    "max-upstream-streams": "100",
    "max-upstream-connections": "2",
    "upstream-resets": "150",
    "max-waiting": "30",
    "wait-timeout": "7s",
    "reveal-upstream": "on",
    "connect-timeout": "250ms",
    "preface-timeout": "3s",
    "header-timeout": "4s",
    "write-timeout": "5s",
    "deadline-grace": "0s",
    "upstream-keepalive-timeout": "2s",
    "ejection-threshold": "1",
    "ejection-time": "1m",
    "min-connect-backoff": "10ms",
    "max-connect-backoff": "30s",
    "goaway-timeout": "500ms",
]

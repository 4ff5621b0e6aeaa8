/// Every setting of the Proxy, by the name of its flag.
package enum SettingName: String, CaseIterable, Sendable {
    case listen
    case admin
    case blue
    case green
    case workers
    case busyPoll = "busy-poll"
    case healthCheck = "health-check"
    case healthInterval = "health-interval"
    case healthTimeout = "health-timeout"
    case healthRise = "health-rise"
    case healthFall = "health-fall"
    case initial
    case stateFile = "state-file"
    case auditLog = "audit-log"
    case accessLog = "access-log"
    case logLevel = "log-level"
    case adminTokenFile = "admin-token-file"
    case adminTLSCert = "admin-tls-cert"
    case adminTLSKey = "admin-tls-key"
    case shutdownGrace = "shutdown-grace"
    case restartGrace = "restart-grace"
    case drainTimeout = "drain-timeout"
    case tlsCert = "tls-cert"
    case tlsKey = "tls-key"
    case tlsClientCA = "tls-client-ca"
    case forwardClientIdentity = "forward-client-identity"
    case upstreamTLS = "upstream-tls"
    case upstreamTLSCA = "upstream-tls-ca"
    case upstreamTLSCert = "upstream-tls-cert"
    case upstreamTLSKey = "upstream-tls-key"
    case upstreamTLSServerName = "upstream-tls-server-name"
    case failover
    case maxConcurrentStreams = "max-concurrent-streams"
    case maxConnections = "max-connections"
    case streamWindow = "stream-window"
    case connectionWindow = "connection-window"
    case maxHeaderListSize = "max-header-list-size"
    case maxHeaderFields = "max-header-fields"
    case resetBudget = "reset-budget"
    case resetRefill = "reset-refill"
    case proxyProtocol = "proxy-protocol"
    case trustedPeers = "trusted-peers"
    case controlFrameBudget = "control-frame-budget"
    case minPingInterval = "min-ping-interval"
    case maxBufferedBytes = "max-buffered-bytes"
    case maxReplayBytes = "max-replay-bytes"
    case maxUpstreamStreams = "max-upstream-streams"
    case maxUpstreamConnections = "max-upstream-connections"
    case upstreamResets = "upstream-resets"
    case maxWaiting = "max-waiting"
    case waitTimeout = "wait-timeout"
    case revealUpstream = "reveal-upstream"
    case connectTimeout = "connect-timeout"
    case prefaceTimeout = "preface-timeout"
    case headerTimeout = "header-timeout"
    case writeTimeout = "write-timeout"
    case idleTimeout = "idle-timeout"
    case streamIdleTimeout = "stream-idle-timeout"
    case deadlineGrace = "deadline-grace"
    case upstreamKeepalive = "upstream-keepalive"
    case upstreamKeepaliveTimeout = "upstream-keepalive-timeout"
    case ejectionThreshold = "ejection-threshold"
    case ejectionTime = "ejection-time"
    case minConnectBackoff = "min-connect-backoff"
    case maxConnectBackoff = "max-connect-backoff"
    case goawayTimeout = "goaway-timeout"

    /// As on the command line: `--health-check`.
    package var flag: String { "--" + rawValue }

    /// As in the environment: `SLUICE_HEALTH_CHECK`.
    package var environmentVariable: String {
        "SLUICE_" + rawValue.uppercased().replacing("-", with: "_")
    }

    /// Those of the data plane's limits.
    package static let limits = Set(LimitSetting.all.map(\.name))

    /// Whether it takes several values: repeated or with commas on the command line, with commas in the environment,
    /// with commas or as a list in the file.
    var isList: Bool {
        switch self {
        case .blue, .green, .healthCheck, .proxyProtocol, .trustedPeers: true
        default: false
        }
    }
}

/// Where a setting's value comes from, the strongest first.
package enum SettingSource: Sendable, Equatable, CustomStringConvertible {
    case flag
    case environment(variable: String)
    case file(path: String)
    case standard

    package var description: String {
        switch self {
        case .flag: "the command line"
        case .environment(let variable): variable
        case .file(let path): path
        case .standard: "default"
        }
    }
}

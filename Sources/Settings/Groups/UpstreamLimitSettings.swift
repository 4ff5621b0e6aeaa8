import DataPlane

/// How many connections to backends there are, and when one is given up.
package struct UpstreamLimitSettings: SettingGroup {
    package static let title = "Limits of connections to backends"

    package let maxStreams = Setting(
        "max-upstream-streams", \.limits.maxUpstreamStreams, .count(in: 1...1_000_000), isLive: true,
        help: "Streams on one connection to a backend, where the backend allows that many.")
    package let maxConnections = Setting(
        "max-upstream-connections", \.limits.maxUpstreamConnections, .count(in: 1...10_000), isLive: true,
        help: "Connections of a worker to one endpoint.")
    package let resets = Setting(
        "upstream-resets", \.limits.upstreamResets, .count(in: 2...1_000_000), isLive: true,
        help: """
            Streams of one connection to a backend that are reset within 30 s; after half as many another connection \
            takes its place.
            """)
    package let connectTimeout = Setting(
        "connect-timeout", \.limits.connectTimeout, .duration(in: .milliseconds(10) ... .seconds(600)), isLive: true,
        help: "Until a backend has accepted a connection and sent its SETTINGS, for each address.")
    package let keepalive = Setting(
        "upstream-keepalive", \.limits.upstreamKeepalive, .durationOrOff(in: .milliseconds(100) ... .seconds(86_400)),
        isLive: true,
        help: """
            After which silence an upstream with calls on it is sent a PING. gRPC servers end the connection of who \
            sends more than one in five minutes, unless they are told otherwise.
            """)
    package let upstreamKeepaliveTimeout = Setting(
        "upstream-keepalive-timeout", \.limits.upstreamKeepaliveTimeout,
        .duration(in: .milliseconds(100) ... .seconds(3600)),
        isLive: true, help: "How long its answer may take.")
    package let ejectionThreshold = Setting(
        "ejection-threshold", \.limits.ejectionThreshold, .count(in: 1...1_000_000), isLive: true,
        help: "Failures in a row after which an endpoint is passed over, where there are others.")
    package let ejectionTime = Setting(
        "ejection-time", \.limits.ejectionTime, .duration(in: .milliseconds(100) ... .seconds(3600)), isLive: true,
        help: "For how long it is passed over.")
    package let minConnectBackoff = Setting(
        "min-connect-backoff", \.limits.minConnectBackoff, .duration(in: .milliseconds(1) ... .seconds(60)),
        isLive: true, help: "Before the second try to connect to an endpoint; doubled with each failure.")
    package let maxConnectBackoff = Setting(
        "max-connect-backoff", \.limits.maxConnectBackoff, .duration(in: .milliseconds(1) ... .seconds(600)),
        isLive: true, help: "The longest pause between two tries.")

    package init() {}
}

import Connections
import DataPlane

/// The number of upstream connections, and when one is given up.
package struct UpstreamLimitSettings: SettingGroup {
    package static let title = "Limits of upstream connections"

    package let maxStreams = Setting(
        "max-upstream-streams", \.limits.maxUpstreamStreams, .count(in: 1...1_000_000), isLive: true,
        help: "The number of streams on one upstream connection, if the upstream allows that many.")
    package let maxConnections = Setting(
        "max-upstream-connections", \.limits.maxUpstreamConnections, .count(in: 1...10_000), isLive: true,
        help: "The number of connections from one worker to one endpoint.")
    package let resets = Setting(
        "upstream-resets", \.limits.upstreamResets, .count(in: 2...1_000_000), isLive: true,
        help: """
            How many streams of one upstream connection may be reset within 30 s; after half that number another \
            connection takes its place.
            """)
    package let connectTimeout = Setting(
        "connect-timeout", \.limits.connectTimeout, .duration(in: .milliseconds(10) ... .seconds(600)), isLive: true,
        help: "How long an upstream may take to accept a connection and send its SETTINGS, for each address.")
    package let keepalive = Setting(
        "upstream-keepalive", \.limits.upstreamKeepalive, .durationOrOff(in: .milliseconds(100) ... .seconds(86_400)),
        isLive: true,
        help: """
            How long an upstream with calls on it may be silent before it is sent a PING. gRPC servers end a \
            connection that sends more than one in five minutes, unless they are configured otherwise.
            """)
    package let keepaliveTimeout = Setting(
        "upstream-keepalive-timeout", \.limits.keepaliveTimeout,
        .duration(in: .milliseconds(100) ... .seconds(3600)),
        isLive: true,
        help: "How long the answer to that PING may take, or a client's to one while its streams take nothing.")
    package let ejectionThreshold = Setting(
        "ejection-threshold", \.limits.ejectionThreshold, .count(in: 1...1_000_000), isLive: true,
        help: "How many failures in a row cause an endpoint to be passed over, if there are others.")
    package let ejectionTime = Setting(
        "ejection-time", \.limits.ejectionTime, .duration(in: .milliseconds(100) ... .seconds(3600)), isLive: true,
        help: "How long that endpoint is passed over.")
    package let minConnectBackoff = Setting(
        "min-connect-backoff", \.limits.minConnectBackoff, .duration(in: .milliseconds(1) ... .seconds(60)),
        isLive: true, help: "The pause before the second attempt to connect to an endpoint; doubled with each failure.")
    package let maxConnectBackoff = Setting(
        "max-connect-backoff", \.limits.maxConnectBackoff, .duration(in: .milliseconds(1) ... .seconds(600)),
        isLive: true, help: "The longest pause between two attempts.")

    package init() {}
}

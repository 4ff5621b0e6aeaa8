import DataPlane

/// What a client's connection may take, and for how long.
package struct ClientLimitSettings: SettingGroup {
    package static let title = "Limits of clients' connections"

    package let maxConcurrentStreams = Setting(
        "max-concurrent-streams", \.limits.maxConcurrentStreams, .count(in: 1...100_000), isLive: true,
        help: "Streams a client may have open on one connection.")
    package let maxConnections = Setting(
        "max-connections", \.limits.maxConnections, .count(in: 1...1_000_000), isLive: true,
        help: "Client connections in all; beyond it, further ones wait to be accepted.")
    package let maxHeaderListSize = Setting(
        "max-header-list-size", \.limits.maxHeaderListSize, .bytes(in: 1024...65_536), isLive: true,
        help: "Size of a header list, names and values and 32 for each field; beyond it the call fails.")
    package let maxHeaderFields = Setting(
        "max-header-fields", \.limits.maxHeaderFields, .count(in: 10...2048), isLive: true,
        help: "Fields in a header list, as --max-header-list-size.")
    package let prefaceTimeout = Setting(
        "preface-timeout", \.limits.prefaceTimeout, .duration(in: .milliseconds(250) ... .seconds(3600)), isLive: true,
        help: "Until a client has sent its preface and SETTINGS.")
    package let headerTimeout = Setting(
        "header-timeout", \.limits.headerTimeout, .duration(in: .milliseconds(250) ... .seconds(3600)), isLive: true,
        help: "From the beginning of a header block to its end.")
    package let writeTimeout = Setting(
        "write-timeout", \.limits.writeTimeout, .duration(in: .milliseconds(250) ... .seconds(86_400)), isLive: true,
        help: """
            How long a connection may take nothing of what waits for it. A slow stream alone is left in peace as long as \
            its client answers PINGs.
            """)
    package let idleTimeout = Setting(
        "idle-timeout", \.limits.idleTimeout, .durationOrOff(in: .milliseconds(100) ... .seconds(86_400)), isLive: true,
        help: "How long a client's connection may carry no call before it is ended with GOAWAY.")
    package let goAwayTimeout = Setting(
        "goaway-timeout", \.limits.goAwayTimeout, .duration(in: .milliseconds(10) ... .seconds(60)), isLive: true,
        help: "How long a client may take to answer the PING between the two GOAWAYs of a goodbye.")

    package init() {}
}

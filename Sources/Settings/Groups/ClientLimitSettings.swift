import Connections
import DataPlane

/// The resources and the time that a client connection may take.
package struct ClientLimitSettings: SettingGroup {
    package static let title = "Limits of clients' connections"

    package let maxConcurrentStreams = Setting(
        "max-concurrent-streams", \.limits.maxConcurrentStreams, .count(in: 1...100_000), isLive: true,
        help: "How many streams a client may have open on one connection.")
    package let maxConnections = Setting(
        "max-connections", \.limits.maxConnections, .count(in: 1...1_000_000), isLive: true,
        help: "The number of client connections in all; further ones wait to be accepted.")
    package let maxHeaderListSize = Setting(
        "max-header-list-size", \.limits.maxHeaderListSize, .bytes(in: 1024...65_536), isLive: true,
        help: "The size of a header list: names, values and 32 bytes for each field; a call with more fails.")
    package let maxHeaderFields = Setting(
        "max-header-fields", \.limits.maxHeaderFields, .count(in: 10...2048), isLive: true,
        help: "The number of fields in a header list; a call with more fails.")
    package let prefaceTimeout = Setting(
        "preface-timeout", \.limits.prefaceTimeout, .duration(in: .milliseconds(250) ... .seconds(3600)), isLive: true,
        help: "How long a client may take to send its preface and SETTINGS.")
    package let headerTimeout = Setting(
        "header-timeout", \.limits.headerTimeout, .duration(in: .milliseconds(250) ... .seconds(3600)), isLive: true,
        help: "How long a header block may take from its beginning to its end.")
    package let writeTimeout = Setting(
        "write-timeout", \.limits.writeTimeout, .duration(in: .milliseconds(250) ... .seconds(86_400)), isLive: true,
        help: """
            How long a connection may accept nothing of the data that waits for it. A slow stream alone is tolerated \
            as long as its client answers PINGs.
            """)
    package let idleTimeout = Setting(
        "idle-timeout", \.limits.idleTimeout, .durationOrOff(in: .milliseconds(100) ... .seconds(86_400)), isLive: true,
        help: "How long a client's connection may carry no call before it is ended with GOAWAY.")
    package let goAwayTimeout = Setting(
        "goaway-timeout", \.limits.goAwayTimeout, .duration(in: .milliseconds(10) ... .seconds(60)), isLive: true,
        help: "How long a client may take to answer the PING between the two GOAWAYs that say goodbye.")

    package init() {}
}

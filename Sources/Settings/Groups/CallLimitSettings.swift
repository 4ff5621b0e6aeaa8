import DataPlane

/// How long calls may wait or be silent, and what clients are told about failures.
package struct CallLimitSettings: SettingGroup {
    package static let title = "Limits of calls"

    package let maxWaiting = Setting(
        "max-waiting", \.limits.maxWaiting, .count(in: 1...1_000_000), isLive: true,
        help: """
            How many calls of a worker may wait for a place at one endpoint; then a call of whoever has most there is \
            refused.
            """)
    package let waitTimeout = Setting(
        "wait-timeout", \.limits.waitTimeout, .duration(in: .milliseconds(250) ... .seconds(86_400)), isLive: true,
        help: "How long a call waits for a place at an endpoint.")
    package let streamIdleTimeout = Setting(
        "stream-idle-timeout", \.limits.streamIdleTimeout, .durationOrOff(in: .milliseconds(100) ... .seconds(86_400)),
        isLive: true, help: "How long an open call may carry nothing in either direction.")
    package let deadlineGrace = Setting(
        "deadline-grace", \.limits.deadlineGrace, .duration(in: .zero ... .seconds(3600)), isLive: true,
        help: "How long a call may continue beyond its own deadline before the Proxy ends it.")
    package let revealUpstream = Setting(
        "reveal-upstream", \.limits.revealsUpstream, .onOrOff, isLive: true,
        help: """
            Whether clients are told an upstream's address and what is wrong with it; otherwise they are told its \
            color, the kind of failure and an id that the log has.
            """)

    package init() {}
}

/// Which color calls go to, and what becomes of those on the other.
package struct ColorSettings: SettingGroup {
    package static let title = "Colors"

    package let initial = Setting(
        "initial", \.initial, .color,
        help: "The active color of the very first start, while there is no state file.")
    package let drainTimeout = Setting(
        "drain-timeout", \.drainTimeout, .durationOrOff(in: .zero ... .seconds(86_400)), isLive: true,
        help: """
            What calls in flight on the old color are given after a change; those that are left then are ended with \
            UNAVAILABLE, spread over 1 ms a call, at least 1 s and at most 1 min; with off they stay as long as they like.
            """)
    package let failover = Setting(
        "failover", \.failover, .flag, isLive: true,
        help: """
            While no endpoint of the active color is healthy, send new calls to the other color, if one of its endpoints \
            is.
            """)

    package init() {}
}

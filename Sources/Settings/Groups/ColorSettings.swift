/// The color that calls go to, and what happens to those on the other.
package struct ColorSettings: SettingGroup {
    package static let title = "Colors"

    package let initial = Setting(
        "initial", \.initial, .color,
        help: "The color that is active at the very first start, while there is no state file.")
    package let drainTimeout = Setting(
        "drain-timeout", \.drainTimeout, .durationOrOff(in: .zero ... .seconds(86_400)), isLive: true,
        help: """
            How long calls in flight on the old color may continue after a change; those left then are ended with \
            UNAVAILABLE, spread over 1 ms per call, at least 1 s and at most 1 min. With off they stay as long as they \
            like.
            """)
    package let failover = Setting(
        "failover", \.failover, .flag, isLive: true,
        help: """
            While no endpoint of the active color is healthy, send new calls to the other color if one of its \
            endpoints is healthy.
            """)

    package init() {}
}

import DataPlane

/// How a release divides calls between the colors.
package struct ReleaseSettings: SettingGroup {
    package static let title = "Releases"

    package let stickyKey = Setting(
        "sticky-key", \.stickyKey, .stickyKey,
        help: """
            What stays on one color while a release gives the new color a growing share of the calls: metadata:NAME keeps \
            calls with the same value of that metadata together, client those of a client, which is known by the identity \
            in its certificate or else by its address. With none, and for calls that lack the metadata, each call is drawn \
            by lot.
            """)

    package init() {}
}

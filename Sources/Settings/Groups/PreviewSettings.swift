import DataPlane

/// Reaching a color on purpose, and knowing which one has answered.
package struct PreviewSettings: SettingGroup {
    package static let title = "Preview"

    package let address = Setting(
        "preview", \.preview, .addressOrOff,
        help: """
            A second address for clients, whose calls always go to the color that is not active, so that a version can be \
            tried before it is switched to. TLS and limits are those of --listen. Any address but a loopback one needs \
            --tls-client-ca or --preview-open.
            """)
    package let isOpen = Setting(
        "preview-open", \.previewIsOpen, .flag,
        help: "Let --preview be reached from other hosts without a client certificate.")
    package let routeMetadata = Setting(
        "route-metadata", \.routeMetadata, .metadataName,
        help: """
            The name of the metadata by which a call may choose its color: blue, green, active or idle; any other value \
            fails with INVALID_ARGUMENT. The field is not passed on. Whoever reaches --listen can then reach a version \
            before it is switched to.
            """)
    package let announces = Setting(
        "announce", \.announces, .flag,
        help: """
            Tell clients in the head of each response which color has answered, in sluice-color, and the epoch under \
            which the call began, in sluice-epoch. Fields of these names, and sluice-shadow, are never forwarded from \
            either side, with or without this flag.
            """)

    package init() {}
}

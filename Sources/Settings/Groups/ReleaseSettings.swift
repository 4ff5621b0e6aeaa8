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
    package let shadowMethods = Setting(
        "shadow-methods", \.copies.methods, .methodPatterns,
        help: """
            The methods whose calls a shadow step of a release may copy to the color that is not active: /package.Service/* \
            for those of a service, * for all. A copied write is made twice, unless the service leaves it out for calls \
            with the metadata sluice-shadow. Without these, a release with a shadow step is refused.
            """)
    package let noiseMethods = Setting(
        "noise-methods", \.copies.noiseMethods, .methodPatterns,
        help: """
            The methods whose copied calls may also be sent to the active color a second time, so that values which differ \
            from call to call, such as times and random numbers, aren't taken for differences between the colors. Those of \
            --shadow-methods, or some of them.
            """)
    package let shadowBuffer = Setting(
        "shadow-buffer", \.copies.buffer, .bytes(in: 4_096...16_777_216),
        help: """
            Bytes kept for each copied call: what the other color has not taken of the request yet, and the answers of \
            both. A call that needs more is not compared. A worker keeps 64 times as much for all copies together.
            """)
    package let descriptors = Setting(
        "descriptors", \.descriptors, .descriptorSource,
        help: """
            What messages look like, for the comparison of answers: a file with a FileDescriptorSet (protoc \
            --include_imports --descriptor_set_out), read anew with each release; or reflection, to ask the active color \
            by gRPC's server reflection. With off, fields are compared by their numbers, without names and types.
            """)
    package let revealsValues = Setting(
        "reveal-values", \.revealsValues, .flag,
        help: """
            Show the strings and bytes in which answers differ, up to 64 bytes of each, to whoever may read the admin API. \
            Without it only their lengths are shown.
            """)

    package init() {}
}

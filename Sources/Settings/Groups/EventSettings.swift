import Ground

/// Who is told of changes, releases and failovers.
package struct EventSettings: SettingGroup {
    package static let title = "Events"

    package let receiver = Setting(
        "on-event", \.onEvent, .webAddressOrOff,
        help: """
            Where each change, step of a release, breach, refusal and failover is sent to as JSON by POST, in order and at \
            least once. Redirects are not followed; with https the certificate must be for the URL's name.
            """)
    package let keyFile = Setting(
        "on-event-key-file", \.onEventKeyFile, .optionalFile,
        help: """
            A file with a secret of 16 to 4096 bytes by which each event is signed (HMAC-SHA256). It is read again when \
            it changes.
            """)
    package let authority = Setting(
        "on-event-ca", \.onEventAuthority, .pemFile, standardInWords: "the system's",
        help: "The authorities that may have signed the receiver's certificate (PEM). Read again when it changes.")
    package let backlog = Setting(
        "event-backlog", \.eventBacklog, .count(in: 10...100_000),
        help: "How many events may wait for the receiver; then the oldest fall out, and an event tells how many.")
    package let file = Setting(
        "event-file", \.eventFile, .optionalFile, standardInWords: "that of --state-file with .events",
        help: "The file that keeps the events that wait.")

    package init() {}
}

/// The files that the Proxy writes.
package struct FileSettings: SettingGroup {
    package static let title = "State and logs"

    package let state = Setting(
        "state-file", \.stateFile, .file,
        help: """
            The file that holds the active color and the last changes. FILE.lock and, during a save, FILE.tmp are next \
            to it.
            """)
    package let auditLog = Setting(
        "audit-log", \.auditLog, .file,
        help: "The file that records every change and every refused change, one JSON object per line.")
    package let accessLog = Setting(
        "access-log", \.accessLog, .accessLog,
        help: "The file that records every call, one JSON object per line; - is the standard output.")
    package let logLevel = Setting(
        "log-level", \.logLevel, .logLevel, isLive: true,
        help: """
            The least severe level that is logged, as JSON on the standard error: trace, debug, info, notice, warning, \
            error or critical.
            """)

    package init() {}
}

/// What the Proxy writes.
package struct FileSettings: SettingGroup {
    package static let title = "State and logs"

    package let state = Setting(
        "state-file", \.stateFile, .file,
        help: """
            Where the active color and the last changes are kept. Beside it come FILE.lock and, while saving, FILE.tmp.
            """)
    package let auditLog = Setting(
        "audit-log", \.auditLog, .file,
        help: "Where every change and every refused change is recorded, one JSON object a line.")
    package let accessLog = Setting(
        "access-log", \.accessLog, .accessLog,
        help: "Where every call is recorded, one JSON object a line; - is the standard output.")
    package let logLevel = Setting(
        "log-level", \.logLevel, .logLevel, isLive: true,
        help: """
            The least severe log lines, which go to the standard error as JSON: trace, debug, info, notice, warning, \
            error or critical.
            """)

    package init() {}
}

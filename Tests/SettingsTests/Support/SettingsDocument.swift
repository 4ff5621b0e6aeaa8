import Settings

/// The tables of docs/SETTINGS.md.
struct SettingsDocument {
    private static let begin = "<!-- settings: begin -->\n"
    private static let end = "<!-- settings: end -->\n"

    /// The document as it is now.
    let text: String

    /// The document with up-to-date tables; `nil` if a marker for them is missing.
    var current: String? {
        guard let begin = text.firstRange(of: Self.begin), let end = text.firstRange(of: Self.end),
            begin.upperBound <= end.lowerBound
        else { return nil }
        let tables = SettingTable.groups.map { Self.table(of: $0) }.joined(separator: "\n")
        return text[..<begin.upperBound] + "\n" + tables + "\n" + text[end.lowerBound...]
    }

    private static func table<Group: SettingGroup>(of group: Group) -> String {
        let rows = group.settings.map { setting in
            let flag = setting.name.flag + (setting.placeholder.isEmpty ? "" : " " + setting.placeholder)
            let cells = [
                code(flag), setting.standardInWords ?? setting.standard.map(code) ?? "",
                setting.isLive ? "followed" : "",
                escaped(setting.values), escaped(withFlagsAsCode(setting.help)),
            ]
            return "| " + cells.joined(separator: " | ") + " |\n"
        }
        return "## \(Group.title)\n\n| flag | default | SIGHUP | values | what it sets |\n|---|---|---|---|---|\n"
            + rows.joined()
    }

    private static func code(_ text: String) -> String { "`\(escaped(text))`" }

    /// Escapes bars, which would end a table's cell, even within code.
    private static func escaped(_ text: String) -> String { text.replacing("|", with: "\\|") }

    private static func withFlagsAsCode(_ text: String) -> String {
        text.replacing(/--[a-z_-]+[a-z]/) { "`\($0.output)`" }
    }
}

import FoundationEssentials
import Settings
import Testing

@Suite struct SettingsDocumentTests {
    /// scripts/generate_settings.sh has it written.
    private static let isToBeWritten = ProcessInfo.processInfo.environment["WRITE_SETTINGS_DOCUMENT"] != nil

    private static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/SETTINGS.md").path

    @Test func hasEverySettingAsItIs() throws {
        let text = try String(contentsOfFile: Self.path, encoding: .utf8)
        let current = try #require(SettingsDocument(text: text).current)
        if Self.isToBeWritten {
            try Data(current.utf8).write(to: URL(filePath: Self.path))
        } else {
            // Not in the expectation itself, which would show both documents.
            let isCurrent = text == current
            #expect(isCurrent, "run scripts/generate_settings.sh")
        }
        for setting in SettingTable.settings { #expect(current.contains("| `\(setting.name.flag)")) }
    }

    @Test func needsToKnowWhereTheTablesBelong() {
        #expect(SettingsDocument(text: "# Settings\n").current == nil)
    }
}

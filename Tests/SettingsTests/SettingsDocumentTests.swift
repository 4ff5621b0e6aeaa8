import FoundationEssentials
import Settings
import Testing

@Suite struct SettingsDocumentTests {
    /// Set by scripts/generate_settings.sh, which wants the document written instead of compared.
    private static let isToBeWritten = ProcessInfo.processInfo.environment["WRITE_SETTINGS_DOCUMENT"] != nil

    private static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/SETTINGS.md").path

    @Test func documentsEverySetting() throws {
        let text = try String(contentsOfFile: Self.path, encoding: .utf8)
        let current = try #require(SettingsDocument(text: text).current)
        if Self.isToBeWritten {
            try Data(current.utf8).write(to: URL(filePath: Self.path))
        } else {
            // Compared outside of the expectation, which would print both documents.
            let isCurrent = text == current
            #expect(isCurrent, "run scripts/generate_settings.sh")
        }
        for setting in SettingTable.settings { #expect(current.contains("| `\(setting.name.flag)")) }
    }

    @Test func needsToKnowWhereTheTablesBelong() {
        #expect(SettingsDocument(text: "# Settings\n").current == nil)
    }
}

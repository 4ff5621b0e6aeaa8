import DurationSyntax
import Settings
import Testing

/// What holds for every setting.
@Suite struct SettingTableTests {
    /// Further settings that a setting needs so as not to contradict another one.
    private static let beside: [String: [String: [String]]] = [
        "min-connect-backoff": ["max-connect-backoff": ["10m"]],
        "max-connect-backoff": ["min-connect-backoff": ["1ms"]],
    ]

    private func errors(_ setting: any DeclaredSetting, _ text: String) -> [String] {
        let name = setting.name.description
        return SettingsTests.errors((Self.beside[name] ?? [:]).merging([name: [text]]) { $1 })
    }

    /// Every setting has a value in `otherThanDefault`; the other tests of this suite rely on it.
    @Test func everySettingHasATestValue() {
        let names = SettingTable.settings.map(\.name.description)
        #expect(names.count == 82)
        #expect(Set(names) == Set(otherThanDefault.keys))
        #expect(names.count == Set(names).count)
    }

    @Test(arguments: SettingTable.settings.map(\.name.description))
    func isNamedAndExplained(name: String) throws {
        let setting = try #require(SettingTable.setting(named: name))
        #expect(setting.name.description == name)
        #expect(setting.name.flag == "--\(name)")
        #expect(name.allSatisfy { $0.isLowercase || $0 == "-" } && name.first != "-")
        #expect(setting.help.last == "." && setting.help.first != " " && !setting.help.contains("  "))
        #expect(!setting.help.contains("Default:"), "the default tells itself")
        #expect(!setting.values.isEmpty)
    }

    /// A value as it is shown can be written into a file and means the same there.
    @Test func readsBackWhatItWrites() throws {
        let settings = try read(otherThanDefault.mapValues { [$0] })
        for setting in SettingTable.settings {
            let text = try #require(otherThanDefault[setting.name.description])
            #expect(setting.text(in: settings) == text)
            #expect(setting.standard != text, "\(setting.name) must be given another value than its default")
        }
    }

    /// A default is within its own range and can be written out.
    @Test(arguments: SettingTable.settings.map(\.name.description))
    func acceptsItsDefault(name: String) throws {
        let setting = try #require(SettingTable.setting(named: name))
        guard let text = setting.text(in: try read()) else {
            #expect(setting.placeholder == "FILE" || setting.placeholder == "NAME")
            return
        }
        #expect(setting.text(in: try read([name: [text]])) == text)
        // The default number of workers depends on the machine.
        #expect(setting.standard == text || name == "workers")
    }

    /// In the environment and in the file, each setting is read under its own name and no other.
    @Test func isReadFromEnvironmentAndFile() throws {
        let environment = otherThanDefault.map { name, text in
            ("SLUICE_" + name.uppercased().replacing("-", with: "_"), text)
        }
        let fromEnvironment = try read([:], Dictionary(uniqueKeysWithValues: environment))
        let yaml = otherThanDefault.map { "\($0): \"\($1)\"\n" }.joined()
        let fromFile = try read([:], [:], yaml)
        for setting in SettingTable.settings {
            let text = otherThanDefault[setting.name.description]
            #expect(setting.text(in: fromEnvironment) == text)
            #expect(
                fromEnvironment.source(of: setting) == .environment(variable: setting.name.environmentVariable))
            #expect(setting.text(in: fromFile) == text)
            #expect(fromFile.source(of: setting) == .file(path: "proxy.yaml"))
        }
    }

    /// Both ends of every range are accepted, and the values just beyond are refused.
    @Test func keepsToTheRangesItTells() throws {
        var ranges = 0
        for setting in SettingTable.settings {
            let words = setting.values.split(separator: " ").map(String.init)
            guard ["N", "BYTES", "DURATION", "DURATION|off"].contains(setting.placeholder) else { continue }
            try #require(words.count >= 3 && words[words.count - 2] == "to")
            let (first, last) = (words[words.count - 3], words[words.count - 1])
            ranges += 1
            for end in [first, last] { #expect(errors(setting, end) == [], "\(setting.name)") }
            let beyond: [String]
            if let first = Int(first), let last = Int(last) {
                beyond = ["\(first - 1)", "\(last + 1)"]
            } else {
                let (first, last) = (try #require(Duration(text: first)), try #require(Duration(text: last)))
                beyond = [
                    "\((last + .milliseconds(1)).text)", first == .zero ? "-1s" : (first - .milliseconds(1)).text,
                ]
            }
            for text in beyond { #expect(errors(setting, text).count == 1, "\(setting.name) \(text)") }
            let offIsAllowed = words[0] == "off,"
            #expect((errors(setting, "off") == []) == offIsAllowed, "\(setting.name)")
        }
        #expect(ranges == 42)
    }
}

import FoundationEssentials
import Glibc
import Settings
import TestSupport
import Testing

@Suite struct ConfigurationFileTests {
    private func errors(_ text: String) -> [String] {
        do {
            let file = try ConfigurationFile(path: "proxy.yaml", text: text)
            _ = try ProxySettings(flags: [:], environment: [:], file: file, cores: 1)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test(arguments: ["", "\n", "# nothing\n", "---\n", "workers: 2\n", "{}", "{workers: 2, initial: green}"])
    func reads(text: String) {
        #expect(errors(text) == [])
    }

    @Test func namesUnknownKeys() {
        let found = errors("worker: 2\nlisten: 0.0.0.0:1\nhealth_check: grpc\n")
        #expect(found.count == 2)
        #expect(found.first?.hasPrefix("proxy.yaml: unknown setting \"worker\"; known: listen, admin, blue, ") == true)
        #expect(found.last?.hasPrefix("proxy.yaml: unknown setting \"health_check\"; ") == true)
        // A setting that only makes sense on the command line.
        #expect(errors("config: other.yaml").count == 1)
        #expect(errors("check: true").count == 1)
    }

    /// A key that is wrong hides no value that is.
    @Test func tellsAllThatIsWrongAtOnce() {
        let found = errors("worker: 2\nworkers: many\nlisten: [a, b]\nhealth-rise: 0\nhealth-fall: 1\n")
        #expect(found.count == 4)
        #expect(found.contains { $0.hasPrefix("proxy.yaml: unknown setting \"worker\"") })
        #expect(found.contains("proxy.yaml: listen is not a plain value"))
        #expect(found.contains { $0.hasPrefix("--workers is \"many\" (from proxy.yaml); allowed:") })
        #expect(found.contains { $0.hasPrefix("--health-rise is \"0\" (from proxy.yaml); allowed:") })
    }

    @Test func namesKeysThatHoldTheWrongKind() {
        #expect(errors("workers: [1, 2]") == ["proxy.yaml: workers is not a plain value"])
        #expect(errors("listen: {port: 1}") == ["proxy.yaml: listen is not a plain value"])
        #expect(errors("blue: {a: 1}") == ["proxy.yaml: blue is neither a value nor a list"])
        #expect(errors("blue: [[a]]") == ["proxy.yaml: blue is not a list of plain values"])
    }

    @Test(arguments: ["- a\n- b\n", "just text", "42"])
    func requiresAMapping(text: String) {
        #expect(errors(text) == ["proxy.yaml: the top level is not a mapping of settings to values"])
    }

    @Test(arguments: [
        "a: [", "workers: 1\n workers: 2", "\"", "a: b: c", "workers: 1\nworkers: 2\n", "a: 1\n---\nb: 2\n",
    ])
    func refusesWhatIsNotYAML(text: String) {
        let found = errors(text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("proxy.yaml is not YAML: ") == true, "\(found)")
        #expect(found.first?.contains("\n") == false)
    }

    @Test func namesAFileThatIsNotThere() {
        #expect(
            throws: SettingsErrors([
                SettingsError("--config is \"/nowhere/proxy.yaml\", which can't be read: there is no such file")
            ])
        ) {
            try ConfigurationFile(path: "/nowhere/proxy.yaml")
        }
    }

    @Test func saysWhyAFileCanNotBeRead() throws {
        func reason(_ path: String) -> String? {
            do {
                _ = try ConfigurationFile(path: path)
                return nil
            } catch {
                return error.errors.map(\.description).joined()
            }
        }
        #expect(reason("/") == "--config is \"/\", which can't be read: is a directory")
        let folder = TemporaryFolder()
        try Data([0xff, 0xfe]).write(to: URL(filePath: folder.file("latin")))
        #expect(
            reason(folder.file("latin"))
                == "--config is \"\(folder.file("latin"))\", which can't be read: it is not text in UTF-8")
        folder.write("large", String(repeating: "# \n", count: 1 << 19))
        #expect(reason(folder.file("large"))?.hasSuffix("which can't be read: file too large") == true)
        folder.write("locked", "workers: 2\n")
        _ = unsafe chmod(folder.file("locked"), 0)
        // Root may read anything.
        if getuid() != 0 { #expect(reason(folder.file("locked"))?.hasSuffix("permission denied") == true) }
    }

    @Test func readsAFile() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString).yaml").path
        try Data("workers: 7\n".utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let settings = try ProxySettings(
            flags: [:], environment: [:], file: try ConfigurationFile(path: path), cores: 1)
        #expect(settings.workers == 7)
        #expect(settings.source(of: SettingTable.process.workers) == .file(path: path))
    }
}

import ControlPlane
import DataPlane
import FoundationEssentials
import Glibc
import Ground
import TestSupport
import Testing

@Suite struct StateStoreTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("state.json") }

    private var switched: SwitchState {
        SwitchState(initial: .blue, at: Timestamp(milliseconds: 1000)).adding(
            Change(
                epoch: 2, action: .switch, from: .blue, to: .green, at: Timestamp(milliseconds: 2000), forced: true,
                reason: "größer", who: "deploy"))
    }

    /// The text of a complete, valid state file.
    private func goodText() throws -> String {
        let store = try StateStore(path: path)
        try store.save(switched)
        return folder.text("state.json")!
    }

    private func flaw(_ text: String) -> String? {
        folder.write("state.json", text)
        do {
            _ = try StateStore.read(path: path)
            return nil
        } catch .unreadable(let path, let flaw) {
            #expect(path == self.path)
            return flaw
        } catch {
            return "\(error)"
        }
    }

    @Test func startsWithNothing() throws {
        #expect(try StateStore(path: path).load() == nil)
    }

    @Test func readsBackWhatItSaved() throws {
        do {
            let store = try StateStore(path: path)
            try store.save(SwitchState(initial: .blue, at: Timestamp(milliseconds: 1000)))
            try store.save(switched)
            #expect(try store.load() == switched)
        }
        #expect(try StateStore(path: path).load() == switched)
        #expect(folder.names == ["state.json", "state.json.lock"])
    }

    @Test func isReadableForPeople() throws {
        #expect(
            try goodText() == """
                {
                  "active": "green",
                  "epoch": 2,
                  "forced": true,
                  "format": "sluice-state",
                  "history": [
                    {
                      "action": "switch",
                      "at": "1970-01-01T00:00:02.000Z",
                      "epoch": 2,
                      "forced": true,
                      "from": "blue",
                      "reason": "größer",
                      "to": "green",
                      "who": "deploy"
                    },
                    {
                      "action": "initial",
                      "at": "1970-01-01T00:00:01.000Z",
                      "epoch": 1,
                      "forced": false,
                      "to": "blue",
                      "who": "settings"
                    }
                  ],
                  "previous": "blue",
                  "reason": "größer",
                  "since": "1970-01-01T00:00:02.000Z",
                  "version": 1
                }

                """)
    }

    @Test func refusesATornFile() throws {
        let text = try goodText()
        #expect(flaw(text) == nil)
        let bytes = Array(text.utf8)
        // Without the closing brace the file is incomplete; only the newline after it may be missing.
        for length in 0..<(bytes.count - 2) {
            let flaw = flaw(String(decoding: bytes[..<length], as: UTF8.self))
            #expect(flaw?.hasPrefix("is torn or damaged") == true, "\(length) bytes: \(flaw ?? "read")")
        }
        #expect(flaw(String(repeating: "\0", count: bytes.count))?.hasPrefix("is torn or damaged") == true)
    }

    @Test(arguments: ["[]", "42", "{}", "\"blue\"", "{\"format\": \"other\"}", "{\"format\": 1}", "null"])
    func refusesAForeignFile(text: String) {
        #expect(flaw(text) == "is not a Sluice state file")
    }

    @Test func refusesAnotherVersion() throws {
        let text = try goodText()
        #expect(
            flaw(text.replacing("\"version\": 1", with: "\"version\": 3"))
                == "has version 3; this build reads 1 to 2")
        #expect(
            flaw("{\"format\": \"sluice-state\"}") == "has version none; this build reads 1 to 2")
    }

    @Test func refusesAnInconsistentEdit() throws {
        let text = try goodText()
        let contradiction = "is damaged: its current state is not the newest change of its history"
        #expect(flaw(text.replacing("\"active\": \"green\"", with: "\"active\": \"blue\"")) == contradiction)
        #expect(flaw(text.replacing("\"previous\": \"blue\",\n", with: "")) == contradiction)
        #expect(
            flaw(text.replacing("\"epoch\": 2", with: "\"epoch\": 3"))
                == "is damaged: its history does not follow from one change to the next")
        #expect(
            flaw(text.replacing("\"to\": \"green\"", with: "\"to\": \"red\""))
                == "is damaged: history.0.to: \"red\" is not a color; allowed: blue, green")
        #expect(flaw(text.replacing("\"epoch\": 2", with: "\"epoch\": -2"))?.hasPrefix("is damaged: ") == true)
        #expect(flaw(text.replacing("1970-01-01T", with: "1970-01-01 "))?.hasPrefix("is damaged: ") == true)
    }

    @Test func refusesWhatIsMuchTooLarge() {
        #expect(flaw(String(repeating: " ", count: 65 << 20)) == "is not a Sluice state file")
    }

    @Test func namesAFileItCannotRead() throws {
        #expect(throws: StateStore.Failure.file(SystemError(operation: "cannot read \(folder.path)", code: 21))) {
            try StateStore.read(path: folder.path)
        }
        let lost = folder.file("nowhere/state.json")
        #expect(throws: StateStore.Failure.file(SystemError(operation: "cannot open \(lost).lock", code: 2))) {
            try StateStore(path: lost)
        }
    }

    @Test func isForOneProxyAtATime() throws {
        do {
            let store = try StateStore(path: path)
            #expect {
                try StateStore(path: path)
            } throws: { error in
                let text = "\(error)"
                return text.hasPrefix("state file \(path) is in use by another Proxy (process ") && text.hasSuffix(")")
            }
            #expect(try store.load() == nil)
        }
        _ = try StateStore(path: path)
    }

    @Test func keepsTheOldStateWhenTheNewOneCannotBeSaved() throws {
        let store = try StateStore(path: path)
        let initial = SwitchState(initial: .blue, at: Timestamp(milliseconds: 1000))
        try store.save(initial)
        // A folder in the way of the temporary file makes the write fail, as a full disk would.
        let obstacle = TemporaryFolder()
        folder.adopt(obstacle, as: "state.json.tmp")
        #expect(throws: SystemError(operation: "cannot remove \(path).tmp", code: 21)) { try store.save(switched) }
        #expect(try store.load() == initial)
    }

    private func mode(_ name: String) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder.file(name))
        return attributes?[.posixPermissions] as? Int
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.file(name), withDestinationPath: folder.file(target))
    }

    @Test func isForItsUserAlone() throws {
        let store = try StateStore(path: path)
        try store.save(switched)
        #expect(mode("state.json") == 0o600)
        #expect(mode("state.json.lock") == 0o600)
    }

    @Test func acceptsFilesThatOthersMayRead() throws {
        do { try StateStore(path: path).save(switched) }
        for name in ["state.json", "state.json.lock"] {
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.file(name))
        }
        let store = try StateStore(path: path)
        #expect(try store.load() == switched)
        // Anybody who can open the lock file could hold the lock.
        #expect(mode("state.json.lock") == 0o600)
        try store.save(switched)
        #expect(mode("state.json") == 0o600)
    }

    @Test(arguments: ["there", "not there"]) func lockThatIsALink(target: String) throws {
        folder.write("there", "somebody's")
        try link("state.json.lock", to: target)
        #expect {
            try StateStore(path: path)
        } throws: { error in
            "\(error)" == "state file: cannot open \(path).lock: it is a symbolic link, which is not followed"
        }
        #expect(folder.text("there") == "somebody's")
        #expect(!folder.names.contains("not there"))
    }

    @Test(arguments: ["there", "not there"]) func temporaryFileThatIsALink(target: String) throws {
        folder.write("there", "somebody's")
        try link("state.json.tmp", to: target)
        let store = try StateStore(path: path)
        try store.save(switched)
        #expect(try store.load() == switched)
        #expect(folder.text("there") == "somebody's")
        #expect(folder.names == ["state.json", "state.json.lock", "there"])
    }

    @Test func stateFileThatIsALink() throws {
        folder.write("elsewhere", try goodText())
        folder.rename("elsewhere", to: "there")
        try FileManager.default.removeItem(atPath: path)
        try link("state.json", to: "there")
        #expect(throws: StateStore.Failure.file(SystemError(operation: "cannot open \(path)", code: 40))) {
            try StateStore.read(path: path)
        }
    }

    @Test func stateFileThatIsAPipe() throws {
        unsafe #expect(mkfifo(path, 0o600) == 0)
        // An error at once, instead of waiting for a writer.
        #expect(throws: StateStore.Failure.file(SystemError(operation: "cannot read \(path)", code: 29))) {
            try StateStore.read(path: path)
        }
    }

    @Test func savesOverTheRemainsOfACrash() throws {
        folder.write("state.json.tmp", "{\"format\": \"slui")
        let store = try StateStore(path: path)
        try store.save(switched)
        #expect(try store.load() == switched)
        #expect(folder.names == ["state.json", "state.json.lock"])
    }
}

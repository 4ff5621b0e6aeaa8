import ControlPlane
import DataPlane
import FoundationEssentials
import Glibc
import Ground
import TestSupport
import Testing

@Suite struct AuditLogTests {
    private let folder = TemporaryFolder()
    private var path: String { folder.file("audit.log") }

    private func entry(_ epoch: UInt64, reason: String? = nil) -> AuditEntry {
        AuditEntry(
            Change(
                epoch: epoch, action: .switch, from: .blue, to: .green, at: Timestamp(milliseconds: 1000), forced: true,
                reason: reason, who: "someone"))
    }

    private func lines(_ name: String = "audit.log") -> [String] {
        (folder.text(name) ?? "").split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test func writesALineForEachChange() throws {
        let log = try AuditLog(path: path)
        try log.append(entry(2, reason: "two\nlines \"quoted\""))
        #expect(
            lines() == [
                #"{"action":"switch","epoch":2,"forced":true,"from":"blue","line":1,"outcome":"changed","#
                    + #""previous_sha256":"\#(String(repeating: "0", count: 64))","reason":"two\nlines \"quoted\"","#
                    + #""time":"1970-01-01T00:00:01.000Z","to":"green","who":"someone"}"#,
                "",
            ])
    }

    @Test func writesTheDrainOfAChange() throws {
        let log = try AuditLog(path: path)
        let change = Change(
            epoch: 2, action: .rollback, from: .blue, to: .green, at: Timestamp(milliseconds: 1000), who: "someone")
        try log.append(AuditEntry(change, drain: Drain(behind: change, timeout: .seconds(90))))
        #expect(lines()[0].hasPrefix(#"{"action":"rollback","drain":{"color":"blue","epoch":2,"timeout":"1m30s"},"#))
    }

    @Test func goesOnWhereItEnded() throws {
        try AuditLog(path: path).append(entry(2))
        try AuditLog(path: path).append(entry(3))
        #expect(lines().count == 3)
    }

    @Test func endsALineThatWasCut() throws {
        folder.write("audit.log", "{\"epoch\":1}\n{\"epo")
        let log = try AuditLog(path: path)
        try log.append(entry(2))
        try log.append(entry(3))
        #expect(lines()[..<2] == ["{\"epoch\":1}", "{\"epo"])
        #expect(lines().count == 5)
        #expect(lines()[2].hasPrefix("{\"action\":"))
    }

    @Test func followsItsNameAfterARotation() throws {
        let log = try AuditLog(path: path)
        try log.append(entry(2))
        folder.rename("audit.log", to: "audit.log.1")
        try log.append(entry(3))
        #expect(lines("audit.log.1").count == 2)
        #expect(lines().count == 2)
        #expect(lines()[0].contains("\"epoch\":3"))
    }

    @Test func saysWhenTheDiskIsFull() throws {
        let log = try AuditLog(path: "/dev/full")
        #expect(throws: AuditLog.Failure(description: "cannot write /dev/full: no space left on device")) {
            try log.append(entry(2))
        }
    }

    @Test func mustBeWritableFromTheStart() {
        let path = folder.file("nowhere/audit.log")
        #expect(throws: AuditLog.Failure(description: "cannot open \(path): no such file or directory")) {
            try AuditLog(path: path)
        }
        #expect(throws: AuditLog.Failure(description: "cannot open \(folder.path): is a directory")) {
            try AuditLog(path: folder.path)
        }
    }

    /// A change would wait for whoever reads it.
    @Test func isNoPipe() {
        unsafe #expect(mkfifo(path, 0o600) == 0)
        #expect(
            throws: AuditLog.Failure(
                description: "cannot open \(path): it is not a file, but a pipe, a socket or a device")
        ) { try AuditLog(path: path) }
    }

    @Test func takesLinesFromManyThreads() async throws {
        let log = try AuditLog(path: path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for epoch in UInt64(1)...100 {
                group.addTask { try log.append(self.entry(epoch, reason: String(repeating: "x", count: 5000))) }
            }
            try await group.waitForAll()
        }
        let epochs = try lines().dropLast().map { line in
            let object = try JSONDecoder().decode(Line.self, from: Data(line.utf8))
            return object.epoch
        }
        #expect(epochs.sorted() == Array(1...100))
    }

    private struct Line: Decodable {
        var epoch: UInt64
    }
}

import ControlPlane
import TestSupport
import Testing

/// The chain that the audit log's lines form, whatever happens to the log.
@Suite struct AuditChainTests {
    private let bench = AuditBench()

    private func entry(_ epoch: UInt64) -> AuditEntry { AuditBench.entry(epoch) }

    @Test func eachLineCarriesTheHashOfTheOneBefore() throws {
        let log = try bench.open()
        #expect(log.head == .none)
        var heads: [AuditHead] = []
        for epoch in UInt64(1)...3 { heads.append(try log.append(entry(epoch))) }
        #expect(heads.map(\.line) == [1, 2, 3])
        let lines = bench.text().split(separator: "\n")
        #expect(lines[0].contains(#""line":1"#))
        #expect(lines[1].contains(#""previous_sha256":"\#(AuditHead.hash(lines[0].utf8))""#))
        #expect(lines[2].contains(#""previous_sha256":"\#(AuditHead.hash(lines[1].utf8))""#))
        #expect(heads[2].hash == AuditHead.hash(lines[2].utf8))
        #expect(log.head == heads[2])
        let summary = try bench.check("audit.log")
        #expect((summary.lines, summary.head, summary.first) == (3, heads[2], 1))
        #expect(summary.from == "1970-01-01T00:00:01.000Z")
        #expect(summary.until == "1970-01-01T00:00:03.000Z")
    }

    @Test func goesOnAfterARestart() throws {
        try bench.open().append(entry(1))
        let head = try bench.open().append(entry(2))
        #expect(head.line == 2)
        #expect(try bench.check("audit.log").head == head)
        #expect(bench.warnings == [])
    }

    @Test func goesOnInANewFile() throws {
        let log = try bench.open()
        try log.append(entry(1))
        bench.folder.rename("audit.log", to: "audit.log.1")
        try log.append(entry(2))
        #expect(try bench.check("audit.log.1", "audit.log").lines == 2)
        #expect(try bench.check("audit.log").first == 2)
    }

    @Test func goesOnAfterARotationWhileNoProcessRan() throws {
        try bench.open().append(entry(1))
        bench.folder.rename("audit.log", to: "audit.log.1")
        try bench.open().append(entry(2))
        #expect(try bench.check("audit.log.1", "audit.log").lines == 2)
        #expect(bench.warnings == [])
    }

    @Test func goesOnInAFileThatWasEmptied() throws {
        let log = try bench.open()
        try log.append(entry(1))
        bench.folder.write("audit.log.1", bench.text())
        // As log rotation with copytruncate does.
        #expect(bench.folder.truncate("audit.log", to: 0))
        try log.append(entry(2))
        #expect(try bench.check("audit.log.1", "audit.log").lines == 2)
    }

    /// A process that takes over opens the log while the other one still writes; and the other way round.
    @Test func takesUpWhatAnotherProcessHasWritten() throws {
        let (old, new) = (try bench.open(), try bench.open())
        try old.append(entry(1))
        #expect(new.head == .none)
        new.takeUp()
        #expect(new.head == old.head)
        try old.append(entry(2))
        bench.folder.rename("audit.log", to: "audit.log.1")
        try old.append(entry(3))
        bench.folder.rename("audit.log", to: "audit.log.2")
        try new.append(entry(4))
        try old.append(entry(5))
        #expect(try bench.check("audit.log.1", "audit.log.2", "audit.log").lines == 5)
        #expect(bench.warnings == [])
    }

    @Test func beginsAfterLinesWithoutHashes() throws {
        bench.folder.write("audit.log", "{\"epoch\":1,\"time\":\"2026-01-01T00:00:00.000Z\"}\n{\"epoch\":2}\n")
        #expect(try bench.check("audit.log").unchained == 2)
        try bench.open().append(entry(3))
        let summary = try bench.check("audit.log")
        #expect((summary.lines, summary.unchained, summary.first) == (3, 2, 1))
        #expect(summary.from == "2026-01-01T00:00:00.000Z")
    }

    /// The next line vouches for what a full disk has left of a line.
    @Test func goesOnAfterALineThatWasCut() throws {
        try bench.open().append(entry(1))
        bench.folder.write("audit.log", bench.text() + #"{"action":"switch","ep"#)
        #expect(throws: AuditCheck.Flaw(place: .init(file: "audit.log", line: 2), reason: unvouched)) {
            try bench.check("audit.log")
        }
        let log = try bench.open()
        let head = try log.append(entry(2))
        #expect(head.line == 2)
        try log.append(entry(3))
        let summary = try bench.check("audit.log")
        #expect(summary.cut == [.init(file: "audit.log", line: 2)])
        #expect(summary.head.line == 3)
        #expect(bench.warnings == [])
        bench.folder.write("audit.log", bench.text().replacing(#""ep"#, with: #""eq"#))
        #expect(throws: AuditCheck.Flaw.self) { try bench.check("audit.log") }
    }

    private let unvouched = "cut short, or not JSON, and no later line vouches for it"

    /// The note of a line is written before the line.
    @Test func standsAProcessThatIsKilledBetweenTheNoteAndTheLine() throws {
        let log = try bench.open()
        let first = try log.append(entry(1))
        let before = bench.text()
        let second = try log.append(entry(2))
        bench.folder.write("audit.log.head", "\(first)\n\(second)\n")
        // With the line, and without it.
        try bench.open().append(entry(3))
        #expect(try bench.check("audit.log").lines == 3)
        bench.folder.write("audit.log", before)
        bench.folder.write("audit.log.head", "\(first)\n\(second)\n")
        try bench.open().append(entry(2))
        #expect(bench.warnings == [])
        #expect(try bench.check("audit.log").lines == 2)
    }

    @Test func missesTheLastLineAlone() throws {
        let log = try bench.open()
        try log.append(entry(1))
        let first = bench.text()
        try log.append(entry(2))
        bench.folder.write("audit.log", first)
        try bench.open().append(entry(3))
        #expect(bench.warnings.count == 1)
        #expect(throws: AuditCheck.Flaw.self) { try bench.check("audit.log") }
    }

    @Test func missesLinesThatWereRemovedFromTheEnd() throws {
        let log = try bench.open()
        try log.append(entry(1))
        let first = bench.text()
        for epoch in UInt64(2)...4 { try log.append(entry(epoch)) }
        bench.folder.write("audit.log", first)
        #expect(try bench.check("audit.log").lines == 1, "the file alone doesn't tell")
        try bench.open().append(entry(5))
        #expect(bench.warnings.count == 1)
        #expect(bench.warnings[0].contains("doesn't end with the line that was written last, number 4"))
        #expect(
            throws: AuditCheck.Flaw(
                place: .init(file: "audit.log", line: 2),
                reason: "3 lines are missing before it: its number is 5, and the last one before it 1")
        ) { try bench.check("audit.log") }
    }

    @Test func doesWithoutANoteOfItsEnd() throws {
        try bench.open().append(entry(1))
        bench.folder.write("audit.log.head", "nonsense")
        try bench.open().append(entry(2))
        #expect(try bench.check("audit.log").lines == 2)
        #expect(bench.warnings == [])
    }

    @Test func followsNoLinkFromTheNote() throws {
        bench.folder.write("precious", "precious")
        bench.folder.link("audit.log.head", to: "precious")
        let log = try bench.open()
        try log.append(entry(1))
        #expect(bench.folder.text("precious") == "precious")
        #expect(!bench.warnings.isEmpty && bench.warnings.allSatisfy { $0.contains("audit.log.head") })
    }

    @Test func findsTheEntriesAfterALine() throws {
        let log = try bench.open()
        for epoch in UInt64(1)...4 { try log.append(entry(epoch)) }
        let found = log.entries(after: 2)
        #expect(found.map(\.content) == [.entry(entry(3), auditError: nil), .entry(entry(4), auditError: nil)])
        #expect(found.map(\.auditHead.line) == [3, 4])
        #expect(found.last?.auditHead == log.head)
        #expect(log.entries(after: 4) == [])
    }
}

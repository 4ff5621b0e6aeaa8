import ControlPlane
import TestSupport
import Testing

/// Every kind of tampering that the chain shows, and what is said of it.
@Suite struct AuditCheckTests {
    private let lines: [String]

    init() throws {
        let bench = AuditBench()
        let log = try bench.open()
        for epoch in UInt64(1)...6 { try log.append(AuditBench.entry(epoch)) }
        lines = bench.text().split(separator: "\n").map(String.init)
    }

    private func check(_ lines: [String]) throws(AuditCheck.Flaw) -> AuditCheck.Summary {
        try AuditBench.check([("log", lines.map { $0 + "\n" }.joined())])
    }

    private func flaw(_ change: (inout [String]) -> Void) -> String {
        var changed = lines
        change(&changed)
        do throws(AuditCheck.Flaw) {
            _ = try check(changed)
            return "sound"
        } catch {
            return "\(error.place): \(error.reason)"
        }
    }

    @Test func findsNothingInASoundLog() throws {
        #expect(try check(lines).lines == 6)
        #expect(try check([]).lines == 0)
        #expect(try check(Array(lines[2...])).first == 3)
        #expect(try AuditBench.check([("a", lines[0] + "\n"), ("b", ""), ("c", lines[1] + "\n")]).lines == 2)
    }

    @Test func findsAChangedLine() {
        #expect(
            flaw { $0[2] = $0[2].replacing("someone", with: "nobody1") }
                == "log:3: changed: the next line has the hash of another one")
        #expect(flaw { $0[0] = $0[0].replacing("green", with: "blue") }.hasPrefix("log:1: changed"))
        // A space more, which JSON doesn't mind.
        #expect(flaw { $0[3] = $0[3].replacing(",", with: ", ") }.hasPrefix("log:4: changed"))
    }

    @Test func findsAChangedHash() {
        let other = String(repeating: "a", count: 64)
        #expect(
            flaw { $0[2] = $0[2].replacing(AuditHead.hash($0[1].utf8), with: other) }
                == "log:3: changed: it fits neither the line before it nor the one after it")
    }

    @Test func findsALastLineButOneThatWasChanged() {
        #expect(
            flaw { $0[4] = $0[4].replacing("someone", with: "nobody1") }
                == "log:5: changed: the next line has the hash of another one, or was changed itself, as no line vouches "
                + "for it")
    }

    @Test func findsARemovedLine() {
        #expect(
            flaw { $0.remove(at: 2) }
                == "log:3: a line is missing before it: its number is 4, and the last one before it 2")
        #expect(
            flaw { $0.removeSubrange(1...3) }
                == "log:2: 3 lines are missing before it: its number is 5, and the last one before it 1")
    }

    @Test func findsALineOutOfItsPlace() {
        #expect(
            flaw { $0.swapAt(2, 3) }
                == "log:3: out of its place: its number is 4, and the line with number 3 comes after it")
        #expect(
            flaw { $0.insert($0[1], at: 4) }
                == "log:5: out of its place: it is the same as log:2, and the line before it has number 4")
    }

    @Test func findsALineOfAnotherLog() {
        #expect(
            flaw { $0.insert(#"{"epoch":7}"#, at: 3) }
                == "log:4: it has no hash of the line before it, although earlier lines have one: not of this log")
        #expect(
            flaw { $0.append($0[0].replacing("someone", with: "nobody1")) }
                == "log:7: another chain begins here: the log was begun anew, or lines are missing")
    }

    @Test func findsWhatIsNotJSON() {
        #expect(
            flaw { $0[2] = "nonsense" } == "log:3: not JSON, and not a line that the next one vouches for")
        #expect(flaw { $0[5] = "nonsense" }.hasPrefix("log:6: cut short, or not JSON"))
        #expect(flaw { $0[0] = "nonsense" }.hasPrefix("log:1: not JSON"))
        #expect(flaw { $0 = ["nonsense", #"{"epoch":1}"#] } == "log:1: not JSON")
        #expect(flaw { $0.insert("", at: 2) }.hasPrefix("log:3: not JSON"))
        #expect(flaw { $0[1] = "[]" }.hasPrefix("log:2: not JSON"))
    }

    @Test func findsTheFileInTheMiddleThatIsMissing() {
        #expect(
            throws: AuditCheck.Flaw(
                place: .init(file: "b", line: 1),
                reason: "2 lines are missing before it: its number is 5, and the last one before it 2")
        ) {
            try AuditBench.check([
                ("a", lines[..<2].map { $0 + "\n" }.joined()), ("b", lines[4...].map { $0 + "\n" }.joined()),
            ])
        }
    }

    /// A chain that begins after lines without hashes vouches for the last of them.
    @Test func findsAChangedLineBeforeTheChain() throws {
        let bench = AuditBench()
        bench.folder.write("audit.log", "{\"epoch\":1}\n{\"epoch\":2}\n")
        let log = try bench.open()
        try log.append(AuditBench.entry(3))
        try log.append(AuditBench.entry(4))
        let text = bench.text().replacing("{\"epoch\":2}", with: "{\"epoch\":9}")
        #expect(
            throws: AuditCheck.Flaw(
                place: .init(file: "log", line: 2),
                reason: "changed, or lines are missing after it: the chain that begins next doesn't fit it")
        ) { try AuditBench.check([("log", text)]) }
    }
}

import Comparison
import Testing

@Suite("Path patterns") struct PathPatternTests {
    /// Whether a pattern ignores the only thing that differs between two messages.
    private func ignores(_ text: String, _ write: (inout WireWriter, Double) -> Void) throws -> Bool {
        let pattern = try PathPattern(text)
        let comparer = Comparer.make { $0.ignored = [pattern] }
        let left = WireWriter.message { write(&$0, 1) }
        let right = WireWriter.message { write(&$0, 2) }
        #expect(Comparer.make().compare(left, right).only != nil)
        return comparer.compare(left, right) == .equal
    }

    @Test("Stars stand for one field, index or key; indices may be left out; what is below is included")
    func matching() throws {
        let part: (inout WireWriter, Double) -> Void = { writer, value in
            writer.message(39) { _ in }
            writer.message(39) { writer in writer.message(4) { $0.double(2, value) } }
        }
        for pattern in [
            "r_part", "r_part[*]", "r_part[1]", "r_part.inner", "r_part[*].inner.weight", "r_part.inner.weight",
            "*.inner", "*.*.weight", "r_part[1].*", "*[1].inner", "*[\"1\"]",
        ] { #expect(try ignores(pattern, part), "\(pattern)") }
        for pattern in [
            "r_part[0]", "inner", "weight", "r_part.weight", "*.weight", "r_part[1].inner.weight.more", "r_par",
            "r_part[*].inner[0]", "R_part", "r_part[1][0]", "*.*.*.weight",
        ] { #expect(try !ignores(pattern, part), "\(pattern)") }
    }

    @Test("Keys are text, in quotation marks where they have a bracket")
    func keys() throws {
        let key = "a.b]\"c"
        let entry: (inout WireWriter, Double) -> Void = { writer, value in
            writer.message(51) {
                $0.text(1, key); $0.double(2, value)
            }
        }
        for pattern in ["m_double", "m_double[*]", "m_double[\"a.b]\"c\"]"] {
            #expect(try ignores(pattern, entry), "\(pattern)")
        }
        #expect(try !ignores("m_double[\"*\"]", entry))
        #expect(try !ignores("m_double[a.b]", entry))
        let number: (inout WireWriter, Double) -> Void = { writer, value in
            writer.message(54) {
                $0.int(1, 7); $0.int(2, Int64(value))
            }
        }
        #expect(try ignores("m_taste[7]", number))
        #expect(try !ignores("m_taste[8]", number))
    }

    @Test(
        "What is no pattern is refused",
        arguments: ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[1", "a[1]b", "a.[1]", "a]", "a[\"x]", "[1]]"])
    func refusals(text: String) {
        #expect(throws: PathPattern.Flaw.self) { try PathPattern(text) }
    }

    @Test("The number of steps is bounded")
    func bounds() {
        let steps = [String](repeating: "a", count: 257)
        #expect(throws: PathPattern.Flaw.self) { try PathPattern(steps.joined(separator: ".")) }
        #expect(throws: Never.self) { try PathPattern(steps.dropFirst().joined(separator: ".")) }
    }
}

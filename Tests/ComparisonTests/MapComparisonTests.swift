import Comparison
import Testing

/// Maps, which on the wire are lists of entries.
@Suite("Map comparison") struct MapComparisonTests {
    private func compare(
        _ left: (inout WireWriter) -> Void, _ right: (inout WireWriter) -> Void, method: String = Fixtures.cook
    ) -> Outcome {
        Comparer.make().compare(WireWriter.message(left), WireWriter.message(right), method: method)
    }

    @Test("Maps are compared by key")
    func keys() {
        let entry: (String, Double) -> (inout WireWriter) -> Void = { key, value in
            {
                $0.message(51) {
                    $0.text(1, key); $0.double(2, value)
                }
            }
        }
        let (a, b) = (entry("a", 1), entry("b", 2))
        #expect(
            compare(
                {
                    a(&$0); b(&$0)
                },
                {
                    b(&$0); a(&$0)
                }) == .equal)
        #expect(
            compare(
                {
                    entry("a", 9)(&$0); a(&$0)
                }, { a(&$0) }) == .equal)
        let outcome = compare(
            {
                a(&$0); b(&$0)
            }, { a(&$0) })
        #expect(outcome.only?.path == "m_double[*]" && outcome.only?.pair == "2.0 | absent")
        #expect(outcome.only?.first.place == "m_double[1 bytes]", "a key is a string, too")
        #expect(
            compare(
                {
                    $0.message(52) {
                        $0.int(1, -7); $0.text(2, "x")
                    }
                }, { _ in }
            ).only?.first.place == "m_string[-7]")
        #expect(
            compare(
                { $0.message(53) { $0.int(1, 1) } },
                {
                    $0.message(53) {
                        $0.int(1, 1); $0.message(2) { _ in }
                    }
                }) == .equal)
        #expect(
            compare(
                { $0.message(53) { $0.int(1, 1) } },
                {
                    $0.message(53) {
                        $0.int(1, 1); $0.message(2) { $0.double(2, 1) }
                    }
                }
            )
            .only?.path == "m_part[*].weight")
        #expect(
            compare({ $0.message(54) { $0.text(2, "x") } }, { $0.message(54) { _ in } }) == .equal,
            "key and value are 0")
    }

    @Test("A value that isn't there is the default, also where other fields have presence")
    func presence() {
        #expect(
            compare(
                { $0.message(6) { $0.text(1, "a") } },
                { writer in
                    writer.message(6) {
                        $0.text(1, "a")
                        $0.int(2, 0)
                    }
                }, method: Fixtures.recall) == .equal)
    }

    @Test("Entries that are no messages are said to be none")
    func malformed() {
        let outcome = compare({ $0.message(51) { $0.text(1, "a") } }, { $0.bytes(51, [0x0A, 9]) })
        #expect(outcome.only?.pair == "1 in number | not a message (2 bytes)")
    }
}

import Comparison
import Testing

/// Messages of known types, compared as protobuf's parsers understand them.
@Suite("Typed comparison") struct TypedComparisonTests {
    private let comparer = Comparer.make()

    private func compare(
        _ left: (inout WireWriter) -> Void, _ right: (inout WireWriter) -> Void, method: String = Fixtures.cook
    ) -> Outcome {
        comparer.compare(WireWriter.message(left), WireWriter.message(right), method: method)
    }

    @Test("Random messages differ where a comparison by protobuf's own reflection says so")
    func golden() {
        for (place, pair) in Fixtures.cases.enumerated() {
            let (left, right) = (Fixtures.hex(pair.left), Fixtures.hex(pair.right))
            #expect(comparer.compare(left, right).paths == pair.paths.sorted(), "case \(place)")
            #expect(comparer.compare(right, left).paths == pair.paths.sorted(), "case \(place), the other way round")
        }
        #expect(Fixtures.cases.contains { $0.paths.isEmpty } && Fixtures.cases.contains { $0.paths.count > 3 })
    }

    @Test("A difference names its path, its place and both values")
    func report() throws {
        let outcome = compare(
            {
                $0.text(1, "setosa"); $0.message(2) { $0.text(1, "a") }; $0.message(2) { $0.double(2, 0.25) }
            },
            {
                $0.text(1, "setosa"); $0.message(2) { $0.text(1, "a") }; $0.message(2) { $0.double(2, 0.75) }
            },
            method: Fixtures.predict)
        let difference = try #require(outcome.only)
        #expect(difference.path == "probabilities[*].probability")
        #expect(difference.first.place == "probabilities[1].probability")
        #expect(difference.pair == "0.25 | 0.75")
        #expect(difference.spread.largest == 0.5 && difference.spread.mean == 0.5)
        #expect(outcome.differences?.areTyped == true && outcome.differences?.areComplete == true)
    }

    @Test("Values of one path are counted together, with their largest and mean distance")
    func spread() throws {
        let left: [Double] = [1, 2, 3, 4, .nan]
        let right: [Double] = [1, 2.5, 3, 3, 4]
        let outcome = compare({ $0.packed(31, left) }, { $0.packed(31, right) })
        let difference = try #require(outcome.only)
        #expect(difference.path == "r_double[*]" && difference.first.place == "r_double[1]")
        #expect(difference.values == 3 && difference.spread.count == 2)
        #expect(difference.spread.largest == 1 && difference.spread.mean == 0.75)
        #expect(difference.spread.largestShare == 0.25)
    }

    @Test("Floating-point numbers are compared with a tolerance, NaN with NaN, and others exactly")
    func numbers() {
        #expect(compare({ $0.double(1, 1) }, { $0.double(1, 1 + 5e-7) }) == .equal)
        #expect(compare({ $0.double(1, 1e9) }, { $0.double(1, 1e9 + 500) }) == .equal)
        #expect(compare({ $0.double(1, 1e9) }, { $0.double(1, 1e9 + 5000) }).paths == ["f_double"])
        #expect(compare({ $0.double(1, .nan) }, { $0.fixed64(1, 0xFFF8_0000_0000_0001) }) == .equal)
        #expect(compare({ $0.float(2, 0) }, { $0.float(2, -0.0) }) == .equal)
        #expect(compare({ $0.int(3, 123_456_789_012) }, { $0.int(3, 123_456_789_013) }).only?.spread.largest == 1)
        #expect(compare({ $0.int(8, 1) }, { $0.int(8, 2) }) == .equal, "any number but 0 is true")
        #expect(compare({ $0.int(5, -1) }, { $0.int(5, 0xFFFF_FFFF) }) == .equal, "int32 keeps 32 bits")
        #expect(compare({ $0.int(17, 1) }, { $0.int(17, 2) }).only?.pair == "-1 | 1")
        #expect(compare({ $0.int(18, -1) }, { $0.int(18, -2) }).only?.pair == "\(Int64.min) | \(Int64.max)")
        #expect(compare({ $0.int(4, -1) }, { $0.int(4, 0) }).only?.pair == "\(UInt64.max) | 0")
        #expect(compare({ $0.int(8, 1) }, { $0.int(8, 0) }).only?.pair == "true | false")
    }

    @Test("Enums go by the names of their values")
    func enums() {
        #expect(compare({ $0.int(14, 1) }, { $0.int(14, -3) }).only?.pair == "TASTE_SWEET | TASTE_BITTER")
        #expect(compare({ $0.int(14, 1) }, { $0.int(14, 9) }).only?.pair == "TASTE_SWEET | 9")
        #expect(compare({ $0.int(14, 0) }, { _ in }) == .equal)
        let outcome = compare({ $0.int(14, 1) }, { $0.int(14, 2) })
        #expect(outcome.only?.spread == Spread(), "the distance of two names means nothing")
    }

    @Test("Strings and bytes are shown by their lengths unless they may be revealed")
    func lengths() {
        let (left, right) = (WireWriter.message { $0.text(9, "secret") }, WireWriter.message { $0.text(9, "word") })
        #expect(comparer.compare(left, right).only?.pair == "a string of 6 bytes | a string of 4 bytes")
        let open = Comparer.make { $0.reveal = true }
        #expect(open.compare(left, right).only?.pair == "\"secret\" | \"word\"")
        let long = WireWriter.message { $0.bytes(12, [UInt8](repeating: 7, count: 1000)) }
        #expect(open.compare(long, []).only?.first.active == .revealedBytes([UInt8](repeating: 7, count: 64)))
        #expect(comparer.compare(long, []).only?.pair == "1000 bytes | absent")
    }

    @Test("An absent field equals its default unless it has presence")
    func presence() {
        #expect(
            compare(
                {
                    $0.double(1, 0); $0.text(9, ""); $0.int(8, 0)
                }, { _ in }) == .equal)
        #expect(compare({ $0.double(21, 0) }, { _ in }).only?.pair == "0.0 | absent")
        #expect(compare({ $0.text(22, "") }, { _ in }).only?.pair == "a string of 0 bytes | absent")
        #expect(compare({ $0.message(10) { _ in } }, { _ in }).only?.pair == "a message of 0 bytes | absent")
        #expect(compare({ $0.int(1, 0) }, { _ in }, method: Fixtures.recall).only?.pair == "0 | absent")
        #expect(compare({ $0.int(1, 0) }, { _ in }, method: Fixtures.modern) == .equal)
        #expect(compare({ $0.int(2, 0) }, { _ in }, method: Fixtures.modern).only?.path == "explicit")
    }

    @Test("Of a field's values the last one counts, and messages are merged")
    func merging() {
        #expect(
            compare(
                {
                    $0.double(1, 5); $0.double(1, 7)
                }, { $0.double(1, 7) }) == .equal)
        #expect(
            compare(
                {
                    $0.message(10) { $0.text(1, "a") }; $0.message(10) { $0.double(2, 3) }
                },
                {
                    $0.message(10) {
                        $0.text(1, "a"); $0.double(2, 3)
                    }
                }) == .equal)
        #expect(
            compare(
                {
                    $0.message(10) { $0.message(4) { $0.text(1, "a") } };
                    $0.message(10) { $0.message(4) { $0.double(2, 3) } }
                },
                {
                    $0.message(10) {
                        $0.message(4) {
                            $0.text(1, "a"); $0.double(2, 3)
                        }
                    }
                }) == .equal)
    }

    @Test("Of a oneof's members the last one counts")
    func oneof() {
        #expect(
            compare(
                {
                    $0.text(62, "a"); $0.double(61, 2)
                }, { $0.double(61, 2) }) == .equal)
        #expect(
            compare(
                {
                    $0.double(61, 2); $0.text(62, "a")
                }, { $0.double(61, 2) }
            ).paths == ["c_double", "c_string"])
        // The string between them has the second part begin anew.
        let parts: (inout WireWriter) -> Void = { writer in
            writer.message(63) { $0.text(1, "lost") }
            writer.text(62, "a")
            writer.message(63) { $0.double(2, 3) }
        }
        #expect(compare(parts, { $0.message(63) { $0.double(2, 3) } }) == .equal)
    }

    @Test("Repeated fields are compared in their order, and their number is a difference of its own")
    func repeated() {
        let outcome = compare(
            {
                $0.text(37, "a"); $0.text(37, "b")
            }, { $0.text(37, "c") })
        #expect(outcome.paths == ["r_string", "r_string[*]"])
        #expect(
            compare(
                { $0.packed(31, [1, 2]) },
                {
                    $0.double(31, 1); $0.double(31, 2)
                }) == .equal)
        #expect(
            compare(
                {
                    $0.packed(31, [1]); $0.packed(31, [2])
                }, { $0.packed(31, [1, 2]) }) == .equal)
        #expect(compare({ $0.packed(31, [1, 2]) }, { $0.packed(31, [1]) }).only?.pair == "2 in number | 1 in number")
        let cutOff = compare({ $0.packed(31, [1]) }, { $0.bytes(31, [UInt8](repeating: 0, count: 12)) })
        #expect(cutOff.only?.pair == "1 in number | not a message (12 bytes)")
    }

    @Test("Groups are messages, whether they come between tags or with a length")
    func groups() {
        let left: (inout WireWriter) -> Void = { writer in
            writer.group(3) {
                $0.text(1, "a"); $0.group(2) { $0.float(1, 2) }
            }
        }
        let right: (inout WireWriter) -> Void = { writer in
            writer.group(3) {
                $0.text(1, "a"); $0.group(2) { $0.float(1, 3) }
            }
        }
        #expect(compare(left, right, method: Fixtures.recall).only?.path == "detail.line[*].value")
        #expect(
            compare({ $0.group(3) { $0.int(1, 4) } }, { $0.message(3) { $0.int(1, 4) } }, method: Fixtures.modern)
                == .equal)
    }

    @Test("Fields that the type doesn't have, or that are written in another way, go by their numbers")
    func unknown() {
        #expect(compare({ $0.int(999, 1) }, { $0.int(999, 2) }).only?.path == "999")
        #expect(
            compare({ $0.message(999) { $0.int(7, 1) } }, { $0.message(999) { $0.int(7, 2) } }).only?.path == "999.7")
        #expect(
            compare(
                {
                    $0.text(1, "a"); $0.double(1, 3)
                }, { $0.double(1, 3) }
            ).only?.path == "1")
        #expect(compare({ $0.double(100, 1) }, { $0.double(100, 2) }, method: Fixtures.recall).only?.path == "100")
    }

    @Test("Paths that may differ don't count")
    func ignored() throws {
        let patterns = try ["model_version", "probabilities[*].label", "probabilities[2]"].map { try PathPattern($0) }
        let comparer = Comparer.make { $0.ignored = patterns }
        let message: (String, String, Double) -> [UInt8] = { version, label, probability in
            WireWriter.message { writer in
                for _ in 0..<3 {
                    writer.message(2) {
                        $0.text(1, label); $0.double(2, probability)
                    }
                }
                writer.text(3, version)
            }
        }
        let left = message("v1", "a", 0.5)
        #expect(comparer.compare(left, message("v2", "b", 0.5), method: Fixtures.predict) == .equal)
        let outcome = comparer.compare(left, message("v2", "b", 0.6), method: Fixtures.predict)
        #expect(outcome.only?.path == "probabilities[*].probability" && outcome.only?.values == 2)
    }

    @Test("One index of packed numbers may be ignored alone")
    func ignoredIndex() throws {
        let pattern = try PathPattern("r_double[1]")
        let comparer = Comparer.make { $0.ignored = [pattern] }
        let message: ([Double]) -> [UInt8] = { values in WireWriter.message { $0.packed(31, values) } }
        #expect(comparer.compare(message([1, 2, 3]), message([1, 9, 3])) == .equal)
        let outcome = comparer.compare(message([1, 2, 3]), message([0, 9, 0]))
        #expect(outcome.only?.values == 2 && outcome.only?.first.place == "r_double[0]")
    }
}

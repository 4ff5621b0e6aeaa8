import Comparison
import Testing

/// Messages of unknown types, compared by wire type.
@Suite("Untyped comparison") struct UntypedComparisonTests {
    private let comparer = Comparer.make(typed: false)

    private func compare(_ left: (inout WireWriter) -> Void, _ right: (inout WireWriter) -> Void) -> Outcome {
        comparer.compare(WireWriter.message(left), WireWriter.message(right))
    }

    @Test("Paths are made of numbers, and the report says that it is untyped")
    func paths() throws {
        let outcome = compare(
            {
                $0.message(2) {
                    $0.text(1, "versicolor"); $0.double(2, 0.25)
                }; $0.message(2) { $0.double(2, 0.75) }
            },
            {
                $0.message(2) {
                    $0.text(1, "versicolor"); $0.double(2, 0.5)
                }; $0.message(2) { $0.double(2, 0.5) }
            })
        let difference = try #require(outcome.only)
        #expect(outcome.differences?.areTyped == false)
        #expect(difference.path == "2.2" && difference.first.place == "2[0].2")
        #expect(difference.values == 2 && difference.pair == "0.25 | 0.5" && difference.spread.mean == 0.25)
    }

    @Test("The order of fields doesn't matter, that of one field's values does")
    func order() {
        #expect(
            compare(
                {
                    $0.int(1, 4); $0.int(2, 5)
                },
                {
                    $0.int(2, 5); $0.int(1, 4)
                }) == .equal)
        #expect(
            compare(
                {
                    $0.int(1, 4); $0.int(1, 5)
                },
                {
                    $0.int(1, 5); $0.int(1, 4)
                }
            ).only?.values == 2)
        #expect(
            compare(
                {
                    $0.int(1, 4); $0.int(1, 5)
                }, { $0.int(1, 4) }
            ).only?.pair == "2 in number | 1 in number")
        #expect(compare({ $0.int(1, 0) }, { _ in }).only?.pair == "0 | absent")
    }

    @Test("Numbers of 64 and 32 bits are compared as floating-point numbers, too")
    func floats() {
        #expect(compare({ $0.double(1, 0.97) }, { $0.double(1, 0.970_000_1) }) == .equal)
        #expect(compare({ $0.float(1, 0.97) }, { $0.float(1, 0.970_000_1) }) == .equal)
        #expect(compare({ $0.double(1, 0.97) }, { $0.double(1, 0.98) }).only?.pair == "0.97 | 0.98")
        // As doubles these are within any absolute tolerance of each other.
        #expect(compare({ $0.fixed64(1, 5) }, { $0.fixed64(1, 6) }).only?.pair == "5 | 6")
        #expect(compare({ $0.fixed32(1, 5) }, { $0.fixed32(1, 6) }).only?.pair == "5 | 6")
        let time: UInt64 = 1_760_000_000_000_000_000
        #expect(compare({ $0.fixed64(1, time) }, { $0.fixed64(1, time + 1) }).paths == ["1"])
        #expect(compare({ $0.double(1, 1e-9) }, { $0.double(1, 3e-9) }).paths == ["1"], "by share alone")
        #expect(compare({ $0.fixed64(1, 1) }, { $0.fixed32(1, 1) }).only?.pair == "1 | 1", "written differently")
    }

    @Test("Packed numbers of a likely size are compared as such")
    func packed() {
        let values = (1...20).map { Double($0) / 7 }
        #expect(compare({ $0.packed(1, values) }, { $0.packed(1, values.map { $0 * (1 + 1e-8) }) }) == .equal)
        let outcome = compare({ $0.packed(1, values) }, { $0.packed(1, values.map { $0 == 2 ? 2.5 : $0 }) })
        #expect(outcome.only?.path == "1" && outcome.only?.first.place == "1[13]" && outcome.only?.pair == "2.0 | 2.5")
        let halves: [Float] = [0.1, 0.2, 0.7]
        let packed: ([Float]) -> [UInt8] = { $0.flatMap { $0.bitPattern.littleEndianBytes } }
        #expect(compare({ $0.bytes(1, packed(halves)) }, { $0.bytes(1, packed([0.1, 0.2, 0.700_000_1])) }) == .equal)
        #expect(
            compare({ $0.bytes(1, packed(halves)) }, { $0.bytes(1, packed([0.1, 0.2, 0.8])) }).only?.spread.count == 1)
    }

    @Test("Text isn't taken for numbers or messages, however it reads")
    func text() {
        // As doubles these are 2^-50 apart; "hi" and "hk" are also messages with the field 13.
        #expect(
            compare({ $0.text(1, "a234567@") }, { $0.text(1, "b234567@") }).only?.pair
                == "a string of 8 bytes | a string of 8 bytes")
        #expect(compare({ $0.text(1, "hi") }, { $0.text(1, "hk") }).only?.path == "1")
        #expect(
            compare({ $0.text(1, "größer") }, { $0.text(1, "") }).only?.pair
                == "a string of 8 bytes | a string of 0 bytes")
        let hash: (UInt8) -> [UInt8] = { [0x90, 0xFF, 0x80, $0, 0x00, 0xFF, 0xC1, 0x07] }
        #expect(compare({ $0.bytes(1, hash(1)) }, { $0.bytes(1, hash(2)) }).only?.pair == "8 bytes | 8 bytes")
        // A message whose bytes would do for a double.
        let message: (String) -> [UInt8] = { text in WireWriter.message { $0.text(1, text) } }
        #expect(compare({ $0.bytes(1, message("abcde@")) }, { $0.bytes(1, message("zbcde@")) }).only?.path == "1.1")
    }

    @Test("Groups are messages")
    func groups() {
        #expect(compare({ $0.group(4) { $0.int(1, 2) } }, { $0.group(4) { $0.int(1, 3) } }).only?.path == "4.1")
    }

    @Test("Fields without a type can be ignored by their numbers")
    func ignored() throws {
        let patterns = try ["2[*].2", "3"].map { try PathPattern($0) }
        let comparer = Comparer.make(typed: false) { $0.ignored = patterns }
        let message: (Double, Int) -> [UInt8] = { value, count in
            WireWriter.message { writer in
                for _ in 0..<count { writer.message(2) { $0.double(2, value) } }
                writer.double(3, value)
            }
        }
        #expect(comparer.compare(message(1, 1), message(2, 1)) == .equal)
        #expect(comparer.compare(message(1, 3), message(2, 3)) == .equal)
        #expect(comparer.compare(message(1, 3), message(1, 2)).paths == ["2"])
    }

    @Test("Bytes that are no messages are said to be none")
    func garbage() {
        let json = Array(#"{"label":"setosa"}"#.utf8)
        let sound = WireWriter.message { $0.int(1, 2) }
        #expect(comparer.compare(json, sound).only?.pair == "not a message (18 bytes) | a message of 2 bytes")
        #expect(comparer.compare(sound, [0x0A, 0x05]).only?.path == "(message)")
        for broken: [UInt8] in [
            [0x08], [0x08, 0xFF], [0x09, 1, 2], [0x0D, 1], [0x0A, 2, 1], [0x00, 1], [0x0E], [0x0F], [0x0C], [0x0B],
            [0x0B, 0x14], [0x08] + [UInt8](repeating: 0xFF, count: 10) + [1], [0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1],
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ] {
            let outcome = comparer.compare(sound, broken)
            #expect(outcome.only?.first.other == .notAMessage(length: broken.count), "\(broken)")
        }
        #expect(comparer.compare(json, json) == .equal, "byte for byte")
    }
}

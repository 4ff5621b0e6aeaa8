import Comparison
import Foundation
import Testing

@Suite("Values") struct ValueTests {
    static let all: [Value] = [
        .absent, .integer(.min), .unsigned(.max), .number(0.1), .number(.nan), .number(-.infinity), .boolean(true),
        .enumeration("TASTE_SOUR"), .string(length: 3), .bytes(length: 4), .revealedString("grö ßer"),
        .revealedBytes([0, 255, 7]), .revealedBytes([]), .message(length: 5), .count(6), .status(14),
        .notAMessage(length: 7), .unframed(after: 8), .encoded(length: 9),
    ]

    @Test("A saved value is read back as it was", arguments: all)
    func saving(value: Value) throws {
        let read = try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
        #expect(read.description == value.description)
        if case .number(let number) = value, number.isNaN { return }
        #expect(read == value)
    }

    @Test("Other text is refused", arguments: [#"["integer","x"]"#, #"["colour","1"]"#, #"["count"]"#, "1"])
    func refusals(json: String) {
        #expect(throws: (any Error).self) { try JSONDecoder().decode(Value.self, from: Data(json.utf8)) }
    }

    @Test("Values in a few words")
    func descriptions() {
        #expect(Value.revealedBytes([0, 10, 255]).description == "000aff")
        #expect(Value.revealedString("a").description == "\"a\"")
        #expect(Value.number(0.97).description == "0.97")
    }
}

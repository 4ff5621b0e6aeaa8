import Foundation
import JSONText
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    private func text(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.finish(), as: UTF8.self)
    }

    @Test("Objects and arrays, with commas where they belong")
    func structure() {
        let json = text {
            $0.object {
                $0.member("a", 1)
                $0.member("b") { writer in
                    writer.array {
                        $0.value("x")
                        $0.value(true)
                        $0.null()
                        $0.array { _ in }
                        $0.object { $0.member("c", false) }
                        $0.raw("[7]".utf8)
                    }
                }
                $0.name("d")
                $0.object { _ in }
                $0.member("e", 2.5)
            }
        }
        #expect(json == #"{"a":1,"b":["x",true,null,[],{"c":false},[7]],"d":{},"e":2.5}"#)
    }

    @Test("Numbers read back as they were; what is no number is null")
    func numbers() throws {
        for number in [0, -0.0, 0.1, 1e-7, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3] {
            let json = text { $0.array { $0.value(number) } }
            let decoded = try JSONDecoder().decode([Double].self, from: Data(json.utf8))
            #expect(decoded == [number])
        }
        #expect(text { $0.value(Double.nan) } == "null")
        #expect(text { $0.value(-Double.infinity) } == "null")
        #expect(text { $0.value(Int.min) } == "-9223372036854775808")
        #expect(text { $0.value(UInt64.max) } == "18446744073709551615")
    }

    @Test("Every character of a string reads back, controls and quotes escaped")
    func strings() throws {
        let string = String(String.UnicodeScalarView((0...0x2FF).compactMap(Unicode.Scalar.init))) + "😀\"\\/"
        let json = text { $0.array { $0.value(string) } }
        #expect(json.utf8.allSatisfy { $0 >= 0x20 })
        #expect(try JSONDecoder().decode([String].self, from: Data(json.utf8)) == [string])
        #expect(text { $0.value("\"\\\n\r\t\u{1}") } == #""\"\\\n\r\t\u0001""#)
    }

    @Test("An error in a body goes through")
    func failure() {
        struct Failure: Error {}
        var writer = JSONWriter()
        #expect(throws: Failure.self) { try writer.object { _ in throw Failure() } }
    }
}

import Estimators
import Foundation
import Inference
import TestSupport
import Testing

@Suite("Bodies of prediction requests")
struct InstancesParserTests {
    private static let two = Features(count: 2)

    /// A name, an age and a score, of which the score may be missing.
    private static let mixed = Features(
        count: 3, names: ["name", "age", "score"], unusual: .missing, texts: [0])

    private func parse(_ body: String, _ features: Features = two) throws(RequestError) -> Table {
        try InstancesParser.parse(Array(body.utf8), features: features)
    }

    private func failure(_ body: String, _ features: Features = two) -> RequestError? {
        #expect(throws: RequestError.self) { try parse(body, features) }
    }

    @Test(
        "Rows of numbers in every spelling that JSON has",
        arguments: [
            (#"{"instances":[[1,2],[3,4]]}"#, 2),
            (" \t\r\n{ \"instances\" : [ [ 1 , 2 ] ] } \n", 1),
            (#"{"instances":[[0,-0],[-1.5,2E+3],[1e-2,0.001]]}"#, 3),
            (#"{"a":null,"b":[{"c":"]}"},true,false,-1.5e3],"instances":[[1,2]],"d":{}}"#, 1),
            (#"{"instances":[[1,2]],"text":"\"\\\/\b\f\n\r\té"}"#, 1),
        ])
    func sound(body: String, rows: Int) throws {
        #expect(try parse(body).rows == rows)
        #expect(try parse(body).width == 2)
    }

    @Test("A row's own mistakes are told with its number")
    func rowMistakes() {
        #expect(failure(#"{"instances":[[1,2],[1,2,3]]}"#) == .features(.row(1, .count(found: 3, expected: 2))))
        #expect(failure(#"{"instances":[[1,2],[]]}"#) == .features(.row(1, .count(found: 0, expected: 2))))
        #expect(failure(#"{"instances":[[1,2],7]}"#) == .row(1, .notAnArray(found: "a number")))
        #expect(failure(#"{"instances":[[1,"2"]]}"#) == .row(0, .notANumber(index: 1, found: "a string")))
        #expect(failure(#"{"instances":[[1,null]]}"#) == .row(0, .notANumber(index: 1, found: "null")))
        #expect(failure(#"{"instances":[[1,2],{"a":1}]}"#) == .row(1, .noNames))
    }

    @Test("Text where the model takes text, and what is missing where it takes that, by place or by name")
    func mixedRows() throws {
        let table = try parse(
            #"""
            {"instances": [["Ann\u00e9", 31, 0.5], {"score": null, "age": 4, "name": null, "other": [{}]},
            {"name": "\ud83d\ude00\n\/\"", "age": -0, "score": 1e2}]}
            """#, Self.mixed)
        guard case .columns(let columns) = table.content else {
            Issue.record("\(table)")
            return
        }
        #expect(columns.map(\.name) == ["name", "age", "score"])
        #expect(columns[0].values == .texts(["Anné", nil, "😀\n/\""]))
        #expect(columns[1].values == .numbers([31, 4, 0]))
        guard case .numbers(let scores) = columns[2].values else {
            Issue.record("\(columns)")
            return
        }
        #expect(scores[0] == 0.5 && scores[1].isNaN && scores[2] == 100)
    }

    @Test("A row's mistakes where there are names and text")
    func mixedMistakes() {
        let feature = Feature(index: 2, name: "score")
        #expect(
            failure(#"{"instances":[["a",1,2],[3,1,2]]}"#, Self.mixed) == .row(1, .notText(index: 0, found: "a number"))
        )
        #expect(
            failure(#"{"instances":[["a","b",2]]}"#, Self.mixed) == .row(0, .notANumber(index: 1, found: "a string")))
        #expect(failure(#"{"instances":[{"name":"a","age":1}]}"#, Self.mixed) == .row(0, .missing(feature)))
        #expect(
            failure(#"{"instances":[{"score":1,"name":"a","score":1}]}"#, Self.mixed) == .row(0, .twice(feature)))
        #expect(
            failure(#"{"instances":[["a",1]]}"#, Self.mixed) == .features(.row(0, .count(found: 2, expected: 3))))
        #expect(
            failure(#"{"instances":[["a",1,2,{"b":[]},5]]}"#, Self.mixed)
                == .features(.row(0, .count(found: 5, expected: 3))))
        for half in [#"\ud83d"#, #"\ud83dx"#, #"\ud83d\u0041"#, #"\ude00"#, #"\ud83d\n"#] {
            guard case .malformed = failure(#"{"instances":[["\#(half)",1,2]]}"#, Self.mixed) else {
                Issue.record("\(half)")
                continue
            }
        }
    }

    @Test("Numbers are read to the last bit", arguments: 1...2 as ClosedRange<UInt64>)
    func exactNumbers(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        for _ in 0..<20_000 {
            let digits = String(
                UInt64.random(in: 0...UInt64(1) << UInt64.random(in: 0...60, using: &random), using: &random))
            let fraction = String(
                String(UInt64.random(in: 0...999_999_999, using: &random)).prefix(Int.random(in: 0...9, using: &random))
            )
            let text = (Bool.random(using: &random) ? "-" : "") + digits + (fraction.isEmpty ? "" : "." + fraction)
            let table = try parse("{\"instances\":[[\(text),0]]}")
            guard case .matrix(let matrix) = table.content else { continue }
            #expect(matrix.values[0].bitPattern == Double(text)!.bitPattern, "\(text)")
        }
    }

    @Test("Numbers that JSON doesn't have are left to the model")
    func notFinite() throws {
        let values = try parse(#"{"instances":[[-Infinity,1e999],[NaN,0]]}"#)
        guard case .matrix(let matrix) = values.content else {
            Issue.record("\(values)")
            return
        }
        #expect(matrix.values[..<2] == [-.infinity, .infinity] && matrix.values[2].isNaN)
    }

    @Test(
        "Bodies of another form",
        arguments: [
            "[]", "5", "\"x\"", "null", "{}", #"{"instances":{}}"#, #"{"instances":[]}"#,
            #"{"instances":[[1,2]],"instances":[[1,2]]}"#,
        ])
    func otherForm(body: String) {
        guard case .form = failure(body) else {
            Issue.record("\(body)")
            return
        }
    }

    @Test(
        "Text that is no JSON, with the place",
        arguments: [
            ("", 0), ("{", 1), (#"{"instances":[[1,2]]"#, 20), (#"{"instances":[[1,2],]}"#, 20),
            (#"{"instances":[[1 2]]}"#, 17), (#"{"instances":[[01,2]]}"#, 16), (#"{"instances":[[+1,2]]}"#, 15),
            (#"{"instances":[[1.,2]]}"#, 17), (#"{"instances":[[1e,2]]}"#, 17), (#"{"instances":[[.5,2]]}"#, 15),
            (#"{"instances":[[-,2]]}"#, 16), (#"{"instances":[[-NaN,2]]}"#, 16), (#"{"instances":[[NaM,2]]}"#, 15),
            (#"{instances:[[1,2]]}"#, 1), (#"{"instances" [[1,2]]}"#, 13), (#"{"instances":[[1,2]]}}"#, 21),
            (#"{"a":tru,"instances":[[1,2]]}"#, 5), (#"{"a":"\x","instances":[[1,2]]}"#, 7),
            (#"{"a":"\u12G4"}"#, 10), ("{\"a\":\"\n\"}", 6), (#"{"a":"x"#, 7), (#"{"a":1,}"#, 7),
        ])
    func malformed(body: String, offset: Int) {
        guard case .malformed(let found, _) = failure(body) else {
            Issue.record("\(body)")
            return
        }
        #expect(found == offset, "\(body)")
    }

    @Test("Nesting that would exhaust a stack is refused")
    func nesting() {
        let brackets = String(repeating: "[", count: 1_000_000)
        guard case .malformed = failure("{\"a\":\(brackets)") else {
            Issue.record("nested")
            return
        }
    }

    @Test(
        "Whatever it takes, Foundation's parser takes too, and understands the same",
        arguments: 1...4 as ClosedRange<UInt64>)
    func agreement(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let seedText = #"{"a": [1, {"b": "c\n"}], "instances": [[5.1, -3.5e-2], [0, 12E+3]], "z": null}"#
        let alphabet = Array("{}[]\",:0123456789.eE+-nulltruefalse \\\"instances".utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(seedText.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = alphabet.randomElement(using: &random)!
                case 1: bytes.remove(at: place)
                default: bytes.insert(alphabet.randomElement(using: &random)!, at: place)
                }
            }
            guard let ours = try? InstancesParser.parse(bytes, features: Self.two) else { continue }
            accepted += 1
            // Foundation refuses numbers beyond a double's range, which are infinite here.
            guard case .matrix(let matrix) = ours.content, matrix.values.allSatisfy(\.isFinite) else { continue }
            let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
            let rows = try #require(object?["instances"] as? [[Double]])
            #expect(ours == InstancesParserTests.instances(rows), "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(accepted > 1000)
    }

    /// `rows` parsed from their plainest JSON form.
    private static func instances(_ rows: [[Double]]) -> Table? {
        let text = rows.map { "[" + $0.map(\.description).joined(separator: ",") + "]" }.joined(separator: ",")
        return try? InstancesParser.parse(Array("{\"instances\":[\(text)]}".utf8), features: two)
    }
}

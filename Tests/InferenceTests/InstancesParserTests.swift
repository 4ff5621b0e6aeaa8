import Estimators
import Foundation
import Inference
import TestSupport
import Testing

@Suite("Bodies of prediction requests")
struct InstancesParserTests {
    private func parse(_ body: String, width: Int = 2) throws(RequestError) -> Instances {
        try InstancesParser.parse(Array(body.utf8), width: width)
    }

    private func failure(_ body: String, width: Int = 2) -> RequestError? {
        #expect(throws: RequestError.self) { try parse(body, width: width) }
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
        #expect(try parse(body).count == rows)
        #expect(try parse(body).width == 2)
    }

    @Test("A row's own mistakes are told with its number")
    func rowMistakes() {
        #expect(failure(#"{"instances":[[1,2],[1,2,3]]}"#) == .features(.row(1, .count(found: 3, expected: 2))))
        #expect(failure(#"{"instances":[[1,2],[]]}"#) == .features(.row(1, .count(found: 0, expected: 2))))
        #expect(failure(#"{"instances":[[1,2],7]}"#) == .row(1, .notAnArray(found: "a number")))
        #expect(failure(#"{"instances":[[1,"2"]]}"#) == .row(0, .notANumber(index: 1, found: "a string")))
    }

    @Test("Numbers that JSON doesn't have are left to the model")
    func notFinite() throws {
        let values = try parse(#"{"instances":[[-Infinity,1e999],[NaN,0]]}"#).table
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
            guard let ours = try? InstancesParser.parse(bytes, width: 2) else { continue }
            accepted += 1
            // Numbers that are too large for a double are infinite here, and none for Foundation.
            guard case .matrix(let matrix) = ours.table.content, matrix.values.allSatisfy(\.isFinite) else { continue }
            let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
            let rows = try #require(object?["instances"] as? [[Double]])
            #expect(ours == InstancesParserTests.instances(rows), "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(accepted > 1000)
    }

    /// `rows` parsed from their plainest JSON form.
    private static func instances(_ rows: [[Double]]) -> Instances? {
        let text = rows.map { "[" + $0.map(\.description).joined(separator: ",") + "]" }.joined(separator: ",")
        return try? InstancesParser.parse(Array("{\"instances\":[\(text)]}".utf8), width: 2)
    }
}

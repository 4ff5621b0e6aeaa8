import ControlPlane
import Testing

@Suite struct JSONCodingTests {
    private struct Sample: Codable, Equatable {
        var emptyList: [Int] = []
        var emptyObject: [String: Int] = [:]
        var nested: [[Int]] = [[1, 2], []]
        var tricky = "a\\\"b: {x}, [y] \\\\"
        var backslash = "\\"
        var flag = true
        var path = "/a/b"
    }

    @Test func laysDocumentsOut() throws {
        #expect(
            String(decoding: try JSONCoding.document(Sample()), as: UTF8.self) == #"""
                {
                  "backslash": "\\",
                  "empty_list": [],
                  "empty_object": {},
                  "flag": true,
                  "nested": [
                    [
                      1,
                      2
                    ],
                    []
                  ],
                  "path": "/a/b",
                  "tricky": "a\\\"b: {x}, [y] \\\\"
                }

                """#)
    }

    @Test func writesLines() throws {
        #expect(String(decoding: try JSONCoding.line(["b": 1, "a": 2]), as: UTF8.self) == "{\"a\":2,\"b\":1}\n")
    }

    @Test func readsBackWhatItWrites() throws {
        #expect(try JSONCoding.decode(Sample.self, from: try JSONCoding.document(Sample())) == Sample())
    }
}

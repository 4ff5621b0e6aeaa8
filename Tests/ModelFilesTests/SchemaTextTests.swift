import ModelFiles
import Pickle
import Testing

@Suite("JSON texts")
struct SchemaTextTests {
    private func text(_ text: String) throws(PickleError) -> SchemaText { try SchemaText(Array(text.utf8)) }

    @Test("Objects, arrays, and what is in them")
    func containers() throws {
        let json = try text(#" {"a": [1, "x", [], {}], "b": {"c": null}, "a": -2.5e3} "#)
        #expect(json.kind(json.root) == .object && json.offset(json.root) == 1)
        #expect(json.members(json.root).map { json.string($0.name) } == ["a", "b", "a"])
        let first = json.members(json.root)[0].value
        #expect(json.elements(first).map { json.kind($0) } == [.plain, .string, .array, .object])
        #expect(json.integer(json.elements(first)[0]) == 1 && json.elements(json.elements(first)[2]).isEmpty)
        // The last one of a name counts.
        #expect(try json.plain(#require(json.member("a", of: json.root))) == "-2.5e3")
        #expect(json.member("d", of: json.root) == nil && json.member("c", of: json.root) == nil)
        let inner = try #require(json.member("b", of: json.root))
        #expect(json.member("c", of: inner).flatMap { json.plain($0) } == "null")
        #expect(json.elements(json.root).isEmpty && json.members(first).isEmpty)
        #expect(json.string(json.root) == nil && json.plain(json.root) == nil)
    }

    @Test(
        "Single values, and Python's words", arguments: ["1", "true", "NaN", "-Infinity", "1e5", "\"x\"", "[]", "{}"])
    func single(value: String) throws {
        let json = try text(value)
        #expect(json.offset(json.root) == 0)
    }

    @Test("Escapes")
    func escapes() throws {
        let json = try text(#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#)
        #expect(json.string(json.root) == "a\"\\/\u{8}\u{C}\n\r\té😀é")
        for broken in [#""\x""#, #""\u12""#, #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, #""\u00g0""#] {
            let json = try text(broken)
            #expect(json.string(json.root) == nil, "\(broken)")
        }
        #expect(try SchemaText([0x22, 0xFF, 0x22]).string(SchemaText([0x22, 0xFF, 0x22]).root) == nil)
    }

    @Test(
        "What is no JSON",
        arguments: [
            "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{1: 2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
            "{\"a\" 1}", "]", "}", "[}", "{]", "\"", "\"a", "\"\\", "\"\\\"", "tru", "nul", "01x", "--1", "0x10", "inf",
            "+", "1 1", "[] []", "\"\n\"", "'a'", "NaNa", "{\"a\":1 \"b\":2}", "[\"a\":1]",
        ])
    func broken(json: String) {
        let error = #expect(throws: PickleError.self) { try text(json) }
        #expect((0...json.utf8.count).contains(error?.offset ?? -1))
    }

    @Test("Nesting has a limit, and one level less is fine")
    func depth() throws {
        let deepest = SchemaText.deepest
        _ = try text(String(repeating: "[", count: deepest) + String(repeating: "]", count: deepest))
        let error = #expect(throws: PickleError.self) { try text(String(repeating: "[", count: 1_000_000)) }
        #expect(error == PickleError(offset: deepest, reason: .limitExceeded(what: "levels of JSON", limit: deepest)))
    }
}

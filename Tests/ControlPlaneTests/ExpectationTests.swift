import ControlPlane
import Testing

@Suite struct ExpectationTests {
    @Test func readsAVersionOrAModels() throws {
        let version = try #require(Expectation("v1.1.0"))
        #expect((version.model, version.version) == (nil, "v1.1.0"))
        let model = try #require(Expectation("group/iris@blue@2"))
        #expect((model.model, model.version) == ("group/iris@blue", "2"))
        #expect(model.description == "group/iris@blue@2")
        #expect(Expectation(String(repeating: "v", count: 200)) != nil)
    }

    @Test(arguments: ["", "@", "@2", "iris@", "a b", "a\n", "a\u{7f}", "a\u{a0}b", String(repeating: "v", count: 201)])
    func refusesWhatIsNone(text: String) {
        #expect(Expectation(text) == nil)
    }

    @Test func isATextInJSON() throws {
        let bytes = try JSONCoding.line(["expect": try #require(Expectation("iris@2"))])
        #expect(String(decoding: bytes, as: UTF8.self) == "{\"expect\":\"iris@2\"}\n")
        #expect(try JSONCoding.decode([String: Expectation].self, from: bytes) == ["expect": Expectation("iris@2")!])
        #expect(throws: DecodingError.self) {
            try JSONCoding.decode([Expectation].self, from: Array(#"["@"]"#.utf8))
        }
    }
}

import ControlPlane
import Testing

@Suite struct ExpectedVersionTests {
    @Test func readsAVersionOrAModels() throws {
        let version = try #require(ExpectedVersion("v1.1.0"))
        #expect((version.model, version.version) == (nil, "v1.1.0"))
        let model = try #require(ExpectedVersion("group/iris@blue@2"))
        #expect((model.model, model.version) == ("group/iris@blue", "2"))
        #expect(model.description == "group/iris@blue@2")
        #expect(ExpectedVersion(String(repeating: "v", count: 200)) != nil)
    }

    @Test(arguments: ["", "@", "@2", "iris@", "a b", "a\n", "a\u{7f}", "a\u{a0}b", String(repeating: "v", count: 201)])
    func refusesWhatIsNone(text: String) {
        #expect(ExpectedVersion(text) == nil)
    }

    @Test func isATextInJSON() throws {
        let bytes = try JSONCoding.line(["expect": try #require(ExpectedVersion("iris@2"))])
        #expect(String(decoding: bytes, as: UTF8.self) == "{\"expect\":\"iris@2\"}\n")
        let read = try JSONCoding.decode([String: ExpectedVersion].self, from: bytes)
        #expect(read["expect"] == ExpectedVersion("iris@2"))
        let wrong = Array(#"["@"]"#.utf8)
        #expect(throws: DecodingError.self) { try JSONCoding.decode([ExpectedVersion].self, from: wrong) }
    }
}

import DataPlane
import Testing

@Suite struct MethodPatternTests {
    @Test(arguments: ["*", "/a.B/*", "/a.B/C", "/B/C"]) func isWrittenAsItWasRead(text: String) throws {
        #expect(try #require(MethodPattern(text)).description == text)
    }

    @Test(arguments: [
        "", "/", "a.B/C", "/a.B", "/a.B/", "//C", "/a.B/C/D", "/a.*/C", "/a.B/C*", "/a.B/*C", "**", "/*/C", "/a.B/C D",
        "/a,b/C",
    ]) func refusesWhatIsNone(text: String) {
        #expect(MethodPattern(text) == nil)
    }

    @Test func matches() throws {
        let service = try #require(MethodPattern("/a.B/*"))
        #expect(service.matches("/a.B/C") && service.matches("/a.B/D") && !service.matches("/a.Bc/D"))
        let method = try #require(MethodPattern("/a.B/C"))
        #expect(method.matches("/a.B/C") && !method.matches("/a.B/CD"))
        #expect(MethodPattern.all.matches("/anything") && MethodPattern.all.matches("*"))
    }
}

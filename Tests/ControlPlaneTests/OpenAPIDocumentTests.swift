import ControlPlane
import HTTPTypes
import Testing

@Suite struct OpenAPIDocumentTests {
    @Test func isServed() async throws {
        let answer = try await AdminBench().get("/openapi.json")
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/json")
        #expect(answer.json?["openapi"] == "3.1.0")
        #expect(answer.text == OpenAPIDocument.text)
    }

    @Test func requiresTheToken() async throws {
        #expect(try await AdminBench(token: "secret").get("/openapi.json").status == 401)
    }

    @Test func describesEveryPathThatIsServed() async throws {
        let admin = try AdminBench()
        let document = try #require(try JSONValue(parsing: OpenAPIDocument.text)["paths"])
        // The 404 answer lists the paths that are served.
        let refusal = try #require(try await admin.get("/nowhere").error)
        let served = try #require(refusal.split(separator: "known: ").last).split(separator: ", ").map(String.init)
        #expect(served.count > 7)
        for path in served { #expect(document[path] != nil, "\(path) is not described") }
        #expect(document.count == served.count)
    }
}

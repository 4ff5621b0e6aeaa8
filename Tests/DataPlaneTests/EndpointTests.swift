import DataPlane
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("127.0.0.1:50051", "127.0.0.1", 50051), ("blue:1", "blue", 1), ("[::1]:65535", "::1", 65535),
        ("a.b-c.example:0", "a.b-c.example", 0),
    ])
    func readsAndWrites(text: String, host: String, port: UInt16) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(endpoint == Endpoint(host: host, port: port))
        #expect(endpoint.description == text)
    }

    @Test(arguments: [
        "", ":", "host", "host:", ":1", "host:65536", "host:-1", "host:+1", "::1:80", "[::1]", "[::1:80", "a b:1",
        "h:1x",
    ])
    func refusesWhatIsNoEndpoint(text: String) {
        #expect(Endpoint(text) == nil)
    }
}

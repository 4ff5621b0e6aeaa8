import Ground
import Testing

@Suite struct HostPortTests {
    @Test(arguments: [
        ("127.0.0.1:50051", "127.0.0.1", 50051), ("blue:1", "blue", 1), ("[::1]:65535", "::1", 65535),
        ("a.b-c.example:0", "a.b-c.example", 0),
    ])
    func readsAndWrites(text: String, host: String, port: UInt16) throws {
        let value = try #require(HostPort(text))
        #expect(value == HostPort(host: host, port: port))
        #expect(value.description == text)
    }

    @Test(arguments: [
        "", ":", "host", "host:", ":1", "host:65536", "host:-1", "host:+1", "::1:80", "[::1]", "[::1:80", "a b:1",
        "h:1x",
    ])
    func refusesWhatIsNoHostPort(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test(arguments: [
        ("localhost", true), ("LocalHost", true), ("127.0.0.1", true), ("127.255.0.9", true), ("::1", true),
        ("0:0:0:0:0:0:0:1", true), ("0.0.0.0", false), ("128.0.0.1", false), ("::", false), ("::2", false),
        ("::7f00:1", false), ("100::1", false), ("127.0.0.1.example", false), ("127.0.0", false), ("blue", false),
        ("localhost.example", false),
    ])
    func isLoopback(host: String, isLoopback: Bool) {
        #expect(HostPort(host: host, port: 1).isLoopback == isLoopback)
    }
}

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
        ("unix:/run/blue.sock", "/run/blue.sock"), ("unix:blue.sock", "blue.sock"), ("unix:///run/a", "/run/a"),
        ("unix:/a:50051", "/a:50051"), ("unix:50051", "50051"),
    ])
    func readsUnixSockets(text: String, path: String) throws {
        let value = try #require(HostPort(text))
        #expect(value.unixPath == path)
        #expect(value.port == 0 && value.isLoopback)
        #expect(value.description == "unix:\(path)")
        #expect(HostPort(value.description) == value)
        #expect(HostPort.serverName(ofHost: value.host) == "localhost")
    }

    @Test(arguments: [
        "unix:", "unix://host/path", "unix:/a b", "unix:/a,b", "unix:/\(String(repeating: "x", count: 107))",
    ])
    func refusesPathsThatNoSocketCanHave(text: String) {
        #expect(HostPort(text) == nil)
    }

    @Test func aHostMayBeCalledUnix() throws {
        let value = try #require(HostPort(hostAndPort: "unix:80"))
        #expect(value.host == "unix" && value.port == 80 && value.unixPath == nil)
        #expect(HostPort(hostAndPort: "unix:/run/a") == nil)
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

import EventLoop
import Testing

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:80", true), ("127.9.9.9", "127.9.9.9:80", true), ("10.1.2.3", "10.1.2.3:80", false),
        ("::1", "[::1]:80", true), ("2001:db8::2", "[2001:db8::2]:80", false), ("::", "[::]:80", false),
    ])
    func readsNumericAddresses(host: String, text: String, isLoopback: Bool) throws {
        let address = try #require(SocketAddress(numeric: host, port: 80))
        #expect(address.description == text)
        #expect(address.isLoopback == isLoopback)
    }

    @Test func readsUnixSockets() throws {
        let address = try #require(SocketAddress(literal: "unix:/run/a.sock", port: 7))
        #expect(address.family == .unix && address.port == 0 && address.isLoopback)
        #expect(address.description == "unix:/run/a.sock")
        #expect(SocketAddress(numeric: "unix:/run/a.sock", port: 7) == nil)
        #expect(SocketAddress(literal: "unix:/\(String(repeating: "x", count: 107))", port: 0) == nil)
    }

    @Test(arguments: ["localhost", "", "1.2.3", "1.2.3.4.5", "[::1]", "256.1.1.1"])
    func leavesNamesToTheResolver(host: String) {
        #expect(SocketAddress(numeric: host, port: 80) == nil)
    }
}

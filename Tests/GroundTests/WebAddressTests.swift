import Ground
import Testing

@Suite struct WebAddressTests {
    @Test(arguments: [
        ("http://example.org", "example.org:80", "/", "example.org", "http://example.org"),
        ("https://example.org", "example.org:443", "/", "example.org", "https://example.org"),
        ("HTTPS://example.org:443/a/b?c=d", "example.org:443", "/a/b?c=d", "example.org", "https://example.org"),
        ("http://example.org:8080?c=d/e", "example.org:8080", "/?c=d/e", "example.org:8080", "http://example.org:8080"),
        ("http://[::1]/a", "[::1]:80", "/a", "[::1]", "http://[::1]"),
        ("https://[::1]:80/", "[::1]:80", "/", "[::1]:80", "https://[::1]:80"),
        ("http://127.0.0.1:1/a@b:c", "127.0.0.1:1", "/a@b:c", "127.0.0.1:1", "http://127.0.0.1:1"),
    ])
    func reads(text: String, server: String, target: String, host: String, origin: String) throws {
        let address = try #require(WebAddress(text))
        #expect(address.server.description == server)
        #expect(address.target == target)
        #expect(address.host == host)
        #expect(address.origin == origin)
        #expect(address.isSecure == text.lowercased().hasPrefix("https"))
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "example.org", "ftp://example.org", "http:/example.org", "http:example.org", "http://", "http:///a",
        "http://user@example.org", "http://user:secret@example.org/", "http://example.org/#a", "http://example.org:0/",
        "http://example.org:65536/", "http://example.org:/", "http://exa mple.org/", "http://example.org/a b",
        "http://example.org/\r\nx: y", "http://[::1/", "http://::1/", "http://example.org/\"", "http://exämple.org/",
        "http//example.org:80", "//example.org",
    ])
    func refuses(text: String) {
        #expect(WebAddress(text) == nil)
    }
}

import HTTP2
import Testing

@Suite struct AuthorityTests {
    private func isSame(_ one: String, _ other: String, _ scheme: Authority.Scheme) -> Bool {
        unsafe Array(one.utf8).withUnsafeBufferPointer { one in
            unsafe Array(other.utf8).withUnsafeBufferPointer { unsafe Authority.isSame(one, $0, scheme) }
        }
    }

    /// RFC 3986, section 6.2.3.
    @Test(
        arguments: [
            ("a.test", "a.test", .other, true), ("a.test", "A.Test", .other, true), ("a.test", "b.test", .http, false),
            ("a.test", "a.tes", .http, false), ("a-[", "a-{", .other, false), ("", "", .http, true),
            // The scheme's default port, or an empty one, means the same as none.
            ("a.test", "a.test:80", .http, true), ("a.test", "a.test:443", .https, true), ("a:", "A", .other, true),
            ("a.test:80", "a.test:443", .http, false), ("a.test", "a.test:443", .http, false),
            ("a.test", "a.test:80", .https, false), ("a.test", "a.test:80", .other, false),
            ("a.test", "a.test:8080", .http, false), ("a.test", "a.test:080", .http, false),
            // Colons within brackets don't separate a port.
            ("[::1]", "[::1]:80", .http, true), ("[::80]", "[:]", .http, false), ("[::]", "[", .http, false),
            ("[FE80::80]:80", "[fe80::80]", .http, true),
        ] as [(String, String, Authority.Scheme, Bool)])
    func comparison(one: String, other: String, scheme: Authority.Scheme, isSame: Bool) {
        #expect(self.isSame(one, other, scheme) == isSame)
        #expect(self.isSame(other, one, scheme) == isSame)
    }
}

import TLS
import Testing

@Suite struct TLSContextTests {
    private let certificates: TestCertificates

    init() throws {
        certificates = try TestCertificates()
        try certificates.issue("server")
        try certificates.issue("other")
    }

    private func flaw(certificate: String, key: String, clientAuthority: String? = nil) -> String {
        do {
            _ = try TLSContext(
                server: .init(
                    certificateFile: certificates.path(certificate), keyFile: certificates.path(key),
                    clientAuthorityFile: clientAuthority.map(certificates.path)))
            return ""
        } catch {
            return error.description
        }
    }

    @Test func namesTheFileThatCanNotBeUsed() {
        #expect(flaw(certificate: "server.pem", key: "server.key", clientAuthority: "ca.pem") == "")
        #expect(flaw(certificate: "missing.pem", key: "server.key").contains("missing.pem"))
        #expect(flaw(certificate: "server.key", key: "server.key").contains("server.key"))
        #expect(flaw(certificate: "server.pem", key: "other.key").contains("other.key"))
        #expect(flaw(certificate: "server.pem", key: "server.key", clientAuthority: "none.pem").contains("none.pem"))
    }
}

import Glibc
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

    @Test func saysWhyAFileCanNotBeRead() {
        #expect(flaw(certificate: "missing.pem", key: "server.key").hasSuffix(": no such file or directory"))
        #expect(flaw(certificate: "server.pem", key: "missing.key").hasSuffix(": no such file or directory"))
    }

    /// OpenSSL would block until somebody writes into the pipe.
    @Test func doesNotBlockOnAPipe() {
        let made = unsafe mkfifo(certificates.path("pipe"), 0o600)
        #expect(made == 0)
        #expect(flaw(certificate: "pipe", key: "server.key").hasSuffix("pipe: it is not a regular file"))
        #expect(flaw(certificate: "server.pem", key: "pipe").hasSuffix("pipe: it is not a regular file"))
        let asAuthority = flaw(certificate: "server.pem", key: "server.key", clientAuthority: "pipe")
        #expect(asAuthority.hasSuffix("pipe: it is not a regular file"))
    }
}

import COpenSSL

/// The identity that a peer has proven by a verified certificate.
package struct PeerIdentity: Sendable, Equatable {
    /// SHA-256 of the certificate, in lower-case hexadecimal digits.
    package var fingerprint: String
    /// The subject in the form of RFC 2253, in ASCII; `nil` if it takes more than 1,024 bytes, since half a name may be
    /// somebody else's.
    package var subject: String?
    /// The certificate's alternative names, in its order.
    package var names: [SubjectAlternativeName]

    package init(fingerprint: String, subject: String?, names: [SubjectAlternativeName]) {
        self.fingerprint = fingerprint
        self.subject = subject
        self.names = names
    }

    /// `nil` if OpenSSL has no memory for it.
    init?(certificate: OpaquePointer) {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var length: UInt32 = 0
        guard unsafe X509_digest(certificate, EVP_sha256(), &digest, &length) == 1 else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        let hexadecimal = digest[..<Int(length)].flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        fingerprint = String(decoding: hexadecimal, as: UTF8.self)
        var text = [CChar](repeating: 0, count: 1024)
        let count = unsafe openssl_shim_subject(certificate, &text, Int32(text.count))
        subject =
            count > 0 ? String(decoding: text[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
        names = unsafe SubjectAlternativeName.all(of: certificate)
    }

    /// Who the peer is, whatever certificate it shows: a renewed one has the same subject and names. The fingerprint, if
    /// a certificate has neither.
    package var stickyName: String {
        let parts = [subject].compactMap { $0 } + names.map { "\($0.kind.rawValue)=\($0.value)" }
        return parts.isEmpty || parts.allSatisfy(\.isEmpty) ? fingerprint : parts.joined(separator: "\n")
    }

    /// The most bytes of `forwardedClientCertificate`; names beyond that are left out.
    private static let longestForwarded = 4096

    /// The identity as an element of Envoy's `x-forwarded-client-cert`: `Hash=…;Subject="CN=…";URI=…;DNS=…`. It
    /// consists of printable ASCII, and nothing in a certificate can pass for another part.
    package var forwardedClientCertificate: String {
        var text = "Hash=\(fingerprint)"
        // RFC 2253 puts a backslash before each quote and backslash of the subject.
        if let subject { text += ";Subject=\"\(subject)\"" }
        for name in names {
            guard name.kind == .uri || name.kind == .dns else { continue }
            let isPlain = !name.value.utf8.contains { ",;=".utf8.contains($0) }
            let part = ";\(name.kind.rawValue)=" + (isPlain ? name.value : "\"\(name.value)\"")
            if text.utf8.count + part.utf8.count > Self.longestForwarded { break }
            text += part
        }
        return text
    }
}

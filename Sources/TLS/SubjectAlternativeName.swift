import COpenSSL
import EventLoop

/// A name that a certificate was issued for, besides its subject (RFC 5280, section 4.2.1.6).
package struct SubjectAlternativeName: Sendable, Equatable {
    /// The kind of a name. The raw value is its name in `x-forwarded-client-cert`.
    package enum Kind: String, Sendable {
        case uri = "URI"
        case dns = "DNS"
        case email = "EMAIL"
        case address = "IP"
    }

    /// The kind of the name.
    package var kind: Kind
    /// Printable ASCII without spaces, quotes and backslashes; an address is in its usual notation.
    package var value: String

    package init(kind: Kind, value: String) {
        self.kind = kind
        self.value = value
    }

    /// All of a certificate's names of a known kind, in their order. A name with characters that it can't have (a NUL,
    /// a quote) is left out, since it could only pass for something else.
    static func all(of certificate: OpaquePointer) -> [SubjectAlternativeName] {
        guard let extensionValue = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else {
            return []
        }
        let names = OpaquePointer(extensionValue)
        // Made for the caller by the call above, and freed when everything has been copied out of it.
        defer { unsafe GENERAL_NAMES_free(names) }
        return unsafe (0..<openssl_shim_name_count(names)).compactMap { index in
            var start: UnsafePointer<UInt8>?
            var length: Int32 = 0
            let type = unsafe openssl_shim_name(names, index, &start, &length)
            return unsafe SubjectAlternativeName(
                type: type, bytes: UnsafeBufferPointer(start: start, count: Int(length)))
        }
    }

    private init?(type: Int32, bytes: UnsafeBufferPointer<UInt8>) {
        switch type {
        case GEN_URI: kind = .uri
        case GEN_DNS: kind = .dns
        case GEN_EMAIL: kind = .email
        case GEN_IPADD:
            guard bytes.count == 4 || bytes.count == 16 else { return nil }
            kind = .address
            value = unsafe SocketAddress(family: bytes.count == 4 ? .ipv4 : .ipv6, bytes: Array(bytes), port: 0).host
            return
        default: return nil
        }
        let isName = unsafe bytes.allSatisfy {
            (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
        guard isName, !bytes.isEmpty else { return nil }
        value = unsafe String(decoding: bytes, as: UTF8.self)
    }
}

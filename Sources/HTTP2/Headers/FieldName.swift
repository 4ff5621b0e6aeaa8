import CNghttp2

/// The field names that matter to a rule of HTTP/2 or to the Proxy's handling of a call.
public enum FieldName: UInt8, CaseIterable, BitwiseCopyable, Sendable {
    case method
    case path
    case authority
    case status
    case contentType
    case grpcStatus
    case grpcMessage
    case grpcTimeout
    case forwardedClientCertificate
    /// A field that only the Proxy itself writes: `sluice-color`, `sluice-epoch` or `sluice-shadow`.
    case proxyOwned
    case scheme
    case host
    case contentLength
    case te
    case priority
    /// A field of HTTP/1.1 alone (RFC 9113, section 8.2.2).
    case connectionSpecific
    /// Begins with a colon and is none of the pseudo-fields of requests and responses.
    case unknownPseudo
    case other

    init(_ name: UnsafeBufferPointer<UInt8>) {
        self = unsafe Self.recognize(name) ?? (name.first == UInt8(ascii: ":") ? .unknownPseudo : .other)
    }

    var isPseudo: Bool {
        switch self {
        case .method, .path, .authority, .status, .scheme, .unknownPseudo: true
        default: false
        }
    }

    private static func recognize(_ name: UnsafeBufferPointer<UInt8>) -> FieldName? {
        switch name.count {
        case 2: unsafe matches(name, "te") ? .te : nil
        case 4: unsafe matches(name, "host") ? .host : nil
        case 5: unsafe matches(name, ":path") ? .path : nil
        case 7:
            unsafe matches(name, ":method")
                ? .method
                : matches(name, ":status")
                    ? .status
                    : matches(name, ":scheme") ? .scheme : matches(name, "upgrade") ? .connectionSpecific : nil
        case 8: unsafe matches(name, "priority") ? .priority : nil
        case 10:
            unsafe matches(name, ":authority")
                ? .authority
                : matches(name, "connection") || matches(name, "keep-alive") ? .connectionSpecific : nil
        case 11: unsafe matches(name, "grpc-status") ? .grpcStatus : nil
        case 12:
            unsafe matches(name, "content-type")
                ? .contentType
                : matches(name, "grpc-timeout")
                    ? .grpcTimeout
                    : matches(name, "grpc-message")
                        ? .grpcMessage
                        : matchesLoosely(name, "sluice-color") || matchesLoosely(name, "sluice-epoch")
                            ? .proxyOwned : nil
        case 13: unsafe matchesLoosely(name, "sluice-shadow") ? .proxyOwned : nil
        case 14: unsafe matches(name, "content-length") ? .contentLength : nil
        case 16: unsafe matches(name, "proxy-connection") ? .connectionSpecific : nil
        case 17: unsafe matches(name, "transfer-encoding") ? .connectionSpecific : nil
        case 23: unsafe matchesLoosely(name, "x-forwarded-client-cert") ? .forwardedClientCertificate : nil
        default: nil
        }
    }

    /// As `matches`, for servers that take all characters but letters and digits to be the same, as those do that make
    /// variables of names (RFC 3875, section 4.1.18).
    private static func matchesLoosely(_ name: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
        unsafe zip(name, UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount)).allSatisfy {
            byte, other in
            byte == other || other == UInt8(ascii: "-") && !isLetterOrDigit(byte)
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    @inline(__always)
    private static func matches(_ name: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
        // Both pointers cover name.count bytes: the caller has compared the lengths.
        assert(name.count == other.utf8CodeUnitCount)
        return unsafe nghttp2_shim_equal(name.baseAddress, other.utf8Start, name.count) != 0
    }
}

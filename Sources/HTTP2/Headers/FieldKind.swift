import CNghttp2

/// The properties of a field that don't depend on its message: found once for an entry of a table, not once for every
/// call.
package struct FieldKind: BitwiseCopyable {
    /// The field's name, as far as it is known.
    package let name: FieldName
    /// Whether the field may be in a message at all: one that may not makes the message malformed.
    package let isSound: Bool
    /// Whether the field is sound and no rule applies to it but its place after the pseudo-fields.
    package let isOrdinary: Bool
    /// Whether there are spaces at the value's edges, which aren't passed on: some servers end the connection over a
    /// request that has them, and some clients over a response (RFC 9113, section 8.2.1). gRPC allows them to be
    /// removed; in a status message, which is text, they are encoded.
    let hasSpacesAround: Bool

    /// Judges a field by its characters (RFC 9113, section 8.2.1) and its name, as libnghttp2 does.
    ///
    /// - Parameters:
    ///   - name: the known name of the field.
    ///   - role: role of the side that receives it.
    init(_ field: FieldBytes, name: FieldName, role: Session.Role) {
        self.name = name
        isSound =
            unsafe nghttp2_check_header_name(field.start, field.nameLength) != 0
            && Self.hasSoundValue(field, name, role)
            && Self.isAllowed(field, name, role)
        hasSpacesAround =
            unsafe field.valueLength > 0
            && (Self.isSpace(field.value[0]) || Self.isSpace(field.value[field.valueLength - 1]))
        isOrdinary =
            switch name {
            case _ where hasSpacesAround: false
            case .other, .contentType, .te, .grpcStatus, .grpcTimeout, .grpcMessage, .forwardedClientCertificate,
                .proxyOwned:
                isSound
            default: false
            }
    }

    private static func hasSoundValue(_ field: FieldBytes, _ name: FieldName, _ role: Session.Role) -> Bool {
        let (value, length) = unsafe (field.value.baseAddress, field.valueLength)
        return switch name {
        case .method: unsafe nghttp2_check_method(value, length) != 0
        // No fragment, as a path ends before it (RFC 3986, section 3.5). And ASCII alone (section 2): some servers take
        // a path for text, and the whole process ends if it isn't.
        case .path:
            unsafe nghttp2_check_path(value, length) != 0
                && field.value.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "#") }
        // No user information either (RFC 9113, section 8.3.1).
        case .authority where role == .server, .host where role == .server:
            unsafe nghttp2_check_authority(value, length) != 0 && !field.value.contains(UInt8(ascii: "@"))
        case .scheme: unsafe isScheme(field.value)
        // Spaces at the edges of values are no mistake: gRPC's status messages may have them.
        default: unsafe nghttp2_check_header_value(value, length) != 0
        }
    }

    private static func isAllowed(_ field: FieldBytes, _ name: FieldName, _ role: Session.Role) -> Bool {
        switch name {
        case .connectionSpecific, .unknownPseudo: false
        case .te: unsafe isEqual(field.value, "trailers")
        case .status: role == .client
        case .method, .path, .scheme, .authority: role == .server
        default: true
        }
    }

    /// Checks a scheme (RFC 3986, section 3.1).
    private static func isScheme(_ value: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = unsafe value.first, isLetter(first) else { return false }
        return unsafe value.dropFirst().allSatisfy { byte in
            isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    static func isExactly(_ value: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        unsafe value.count == text.utf8CodeUnitCount
            && nghttp2_shim_equal(value.baseAddress, text.utf8Start, value.count) != 0
    }

    /// Whether a value equals a text in lower case, whatever the value's case.
    static func isEqual(_ value: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
        unsafe value.count == text.utf8CodeUnitCount
            && zip(value, UnsafeBufferPointer(start: text.utf8Start, count: value.count)).allSatisfy { byte, other in
                byte == other || isLetter(byte) && byte | 0x20 == other
            }
    }
}

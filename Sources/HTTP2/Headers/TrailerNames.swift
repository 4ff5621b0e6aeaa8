/// The fields that a request has in its head or not at all: they say where it goes, who sends it, how long and of what kind
/// it is (RFC 9110, section 6.5.1). Servers that put trailers where they put the head's fields would take them for those.
enum TrailerNames {
    private static let ofHeads: [StaticString] = [
        "authorization", "cache-control", "content-encoding", "content-length", "content-range", "content-type",
        "cookie",
        "expect", "forwarded", "grpc-accept-encoding", "grpc-encoding", "grpc-timeout", "host", "max-forwards",
        "origin",
        "pragma", "priority", "proxy-authenticate", "proxy-authorization", "range", "realm", "referer", "set-cookie",
        "te",
        "trailer", "true-client-ip", "user-agent", "via", "www-authenticate", "x-http-method", "x-http-method-override",
        "x-method-override", "x-real-ip", "x-rewrite-url",
    ]

    private static let beginnings: [StaticString] = ["if-", "x-forwarded-", "x-original-"]

    /// Whether a name may stand in a request's trailers.
    static func allow(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        !ofHeads.contains { $0.utf8CodeUnitCount == name.count && hasPrefix(name, $0) }
            && !beginnings.contains { $0.utf8CodeUnitCount <= name.count && hasPrefix(name, $0) }
    }

    /// Whether a name begins with another one for a server that takes all but letters and digits for the same character, as
    /// those do that make variables of names (RFC 3875, section 4.1.18).
    ///
    /// - Precondition: the name is no shorter.
    static func hasPrefix(_ name: UnsafeBufferPointer<UInt8>, _ other: StaticString) -> Bool {
        zip(name, UnsafeBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount)).allSatisfy {
            byte, other in
            byte == other || other == UInt8(ascii: "-") && !isLetterOrDigit(byte)
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

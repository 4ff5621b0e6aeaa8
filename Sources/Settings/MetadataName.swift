/// Names of a call's metadata.
enum MetadataName {
    /// Names that begin with these have a meaning in gRPC (PROTOCOL-HTTP2.md), or are the Proxy's own.
    private static let reservedPrefixes = ["grpc-", "sluice-"]
    /// The fields of HTTP that the Proxy, a client or a server acts upon.
    private static let reserved: Set = [
        "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type",
        "cookie",
        "host", "keep-alive", "priority", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "user-agent", "x-forwarded-client-cert",
    ]
    /// Bytes of the longest name that is taken.
    private static let longest = 64

    /// Whether a text is the name of metadata that clients may use for a purpose of their own. Binary metadata isn't
    /// taken, since its value would have to be decoded first.
    static func isFree(_ text: String) -> Bool {
        (1...longest).contains(text.utf8.count) && text.utf8.allSatisfy(isAllowed) && !text.hasSuffix("-bin")
            && !reserved.contains(text) && !reservedPrefixes.contains(where: text.hasPrefix)
    }

    /// The characters of gRPC's metadata keys.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

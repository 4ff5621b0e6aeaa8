/// The protocol spoken over a connection, as a client offers it by ALPN (RFC 7301).
package enum ApplicationProtocol: Sendable {
    /// HTTP/2 (`h2`): a server that doesn't agree to it is refused.
    case http2
    /// HTTP/1.1 (`http/1.1`): a server without ALPN is accepted too.
    case http1

    /// The offered list in ALPN's form.
    var offer: [UInt8] {
        let name = Array(name.utf8)
        return [UInt8(name.count)] + name
    }

    var name: String {
        switch self {
        case .http2: "h2"
        case .http1: "http/1.1"
        }
    }
}

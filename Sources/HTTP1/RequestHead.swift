import HTTPTypes
import NIOHTTP1

/// What a request's head says about the connection, besides the request itself.
struct RequestHead {
    var request: HTTPRequest
    /// Whether the client means to send another request after this one.
    var keepsAlive: Bool
    /// Whether the request came in HTTP/1.0.
    var isOld: Bool
    /// Whether the client waits for a 100 before it sends the body.
    var expectsContinue: Bool
    /// The body's length in bytes, if it was announced.
    var contentLength: Int?

    /// - Returns: `nil` for a head that no valid request has, such as one whose method isn't a token.
    init?(_ head: HTTPRequestHead) {
        guard let method = HTTPRequest.Method(head.method.rawValue) else { return nil }
        var fields = HTTPFields()
        fields.reserveCapacity(head.headers.count)
        var authority: String?
        for (name, value) in head.headers {
            guard let name = HTTPField.Name(name) else { return nil }
            if authority == nil, name.canonicalName == "host" {
                authority = value
            } else {
                fields.append(HTTPField(name: name, value: value))
            }
        }
        request = HTTPRequest(
            method: method, scheme: "http", authority: authority, path: Self.originForm(head.uri), headerFields: fields)
        keepsAlive = head.isKeepAlive
        isOld = head.version != .http1_1
        // RFC 9110, section 10.1.1: from an HTTP/1.0 client the field is ignored.
        expectsContinue = !isOld && fields[.expect]?.lowercased() == "100-continue"
        contentLength = fields[.contentLength].flatMap { Int($0) }
    }

    /// The path and query of a target, which may be preceded by scheme and authority (RFC 9112, section 3.2.2).
    private static func originForm(_ target: String) -> String {
        guard !target.hasPrefix("/"), let scheme = target.firstRange(of: "://") else { return target }
        let rest = target[scheme.upperBound...]
        guard let start = rest.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return rest[start] == "/" ? String(rest[start...]) : "/" + rest[start...]
    }
}

import HTTPTypes
import NIOCore

/// A request that has arrived completely.
package struct Request: Sendable {
    /// Method, target and fields; the authority is that of `Host`.
    package var head: HTTPRequest
    /// The complete body; empty without one.
    package var body: ByteBuffer
    /// The client's address, without its port.
    package var peer: String

    package init(head: HTTPRequest, body: ByteBuffer = ByteBuffer(), peer: String = "unknown") {
        self.head = head
        self.body = body
        self.peer = peer
    }

    /// The request's method.
    package var method: HTTPRequest.Method { head.method }
    /// The request's fields.
    package var headers: HTTPFields { head.headerFields }

    /// The target up to its `?`, undecoded.
    package var path: String {
        let target = head.path ?? ""
        return String(target.prefix { $0 != "?" && $0 != "#" })
    }

    /// The part of the target after its `?`, undecoded; `nil` if there is no `?`.
    package var query: String? {
        let target = (head.path ?? "").prefix { $0 != "#" }
        guard let mark = target.firstIndex(of: "?") else { return nil }
        return String(target[target.index(after: mark)...])
    }
}

import HTTPTypes
import NIOCore

/// A request that has come whole.
package struct Request: Sendable {
    /// Method, target, fields; `Host` is its authority.
    package var head: HTTPRequest
    package var body: ByteBuffer
    /// The address it came from, without its port.
    package var peer: String

    package init(head: HTTPRequest, body: ByteBuffer = ByteBuffer(), peer: String = "unknown") {
        self.head = head
        self.body = body
        self.peer = peer
    }

    package var method: HTTPRequest.Method { head.method }
    package var headers: HTTPFields { head.headerFields }

    /// The target up to its `?`, as it came.
    package var path: String {
        let target = head.path ?? ""
        return String(target.prefix { $0 != "?" && $0 != "#" })
    }

    /// What stands behind the target's `?`, as it came; `nil` where there is none.
    package var query: String? {
        let target = (head.path ?? "").prefix { $0 != "#" }
        guard let mark = target.firstIndex(of: "?") else { return nil }
        return String(target[target.index(after: mark)...])
    }
}

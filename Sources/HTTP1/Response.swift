import HTTPTypes
import NIOCore

/// A complete answer.
package struct Response: Sendable {
    /// The status of the answer.
    package var status: HTTPResponse.Status
    /// Without `Content-Length` and `Date`, which the server adds, and without `Connection`, unless the connection is
    /// to be closed.
    package var headers: HTTPFields
    /// The complete body.
    package var body: ByteBuffer

    package init(status: HTTPResponse.Status, headers: HTTPFields = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// An answer of the server itself: `{"error": …}`.
    ///
    /// - Parameter message: must contain no quotation marks, backslashes or control characters.
    static func failure(_ status: HTTPResponse.Status, _ message: String, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        headers[.connection] = "close"
        return Response(status: status, headers: headers, body: ByteBuffer(string: "{\"error\":\"\(message)\"}\n"))
    }

    /// Whether the connection is to be closed after this answer.
    var closes: Bool { headers[.connection]?.lowercased() == "close" }

    /// The status line and the fields, as bytes.
    func head(date: String, keepsAliveOldClient: Bool) -> ByteBuffer {
        var text = ByteBuffer()
        text.reserveCapacity(256)
        text.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        for field in headers {
            text.writeString("\(field.name.rawName): \(field.value)\r\n")
        }
        if keepsAliveOldClient { text.writeString("Connection: keep-alive\r\n") }
        if headers[.contentLength] == nil { text.writeString("Content-Length: \(body.readableBytes)\r\n") }
        text.writeString("Date: \(date)\r\n\r\n")
        return text
    }
}

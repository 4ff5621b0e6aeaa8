import HTTPTypes
import NIOCore

/// An answer, whole.
package struct Response: Sendable {
    package var status: HTTPResponse.Status
    /// Without `Content-Length`, `Date` and, unless the connection is to be closed, `Connection`, which are written with it.
    package var headers: HTTPFields
    package var body: ByteBuffer

    package init(status: HTTPResponse.Status, headers: HTTPFields = [:], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// What the server itself says: `{"error": …}`.
    ///
    /// - Parameter message: without quotation marks, backslashes and control characters.
    static func failure(_ status: HTTPResponse.Status, _ message: String, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        headers[.connection] = "close"
        return Response(status: status, headers: headers, body: ByteBuffer(string: "{\"error\":\"\(message)\"}\n"))
    }

    /// Asks for the connection to be closed after it.
    var closes: Bool { headers[.connection]?.lowercased() == "close" }

    /// The status line and the fields.
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

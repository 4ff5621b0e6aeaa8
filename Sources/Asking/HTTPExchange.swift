import TLS

/// `GET` over HTTP/1.1 (RFC 9112), for its status or for its body as well.
package final class HTTPExchange: Exchange {
    /// What has come of it.
    package enum Outcome: Sendable, Equatable {
        case answer(HTTPAnswer)
        case failed(reason: String)
    }

    package let applicationProtocol = ApplicationProtocol.http1
    /// Set as soon as there is one.
    package private(set) var outcome: Outcome?

    private var outgoing: [UInt8]
    private var reader: HTTPAnswerReader

    /// - Parameter largestBody: the most bytes of a body; `nil` if the status line is the answer, and the rest is not
    ///   waited for.
    package init(_ contact: Contact, path: String, largestBody: Int? = nil) {
        var lines = [
            "GET \(path) HTTP/1.1", "host: \(contact.authority)", "user-agent: \(contact.userAgent)", "accept: */*",
            "connection: close",
        ]
        lines += contact.fields.map { "\($0.name): \($0.value)" }
        outgoing = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        reader = HTTPAnswerReader(largestBody: largestBody)
    }

    package var isOver: Bool { outcome != nil }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        guard outcome == nil else { return }
        do throws(HTTPAnswerReader.Flaw) {
            outcome = try unsafe reader.answer(adding: bytes).map { .answer($0) }
        } catch {
            fail(error.description)
        }
    }

    package func end() {
        guard outcome == nil else { return }
        do throws(HTTPAnswerReader.Flaw) {
            outcome = .answer(try reader.answerAtEnd())
        } catch {
            fail(error.description)
        }
    }

    package func fail(_ reason: String) {
        if outcome == nil { outcome = .failed(reason: reason) }
    }

    package func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, outgoing.count)
        unsafe buffer.copyBytes(from: outgoing[..<count])
        outgoing.removeFirst(count)
        return count
    }
}

import HTTP2
import TLS

/// gRPC calls over one connection, by HTTP/2 with prior knowledge.
package final class CallExchange: Exchange {
    package let applicationProtocol = ApplicationProtocol.http2
    private let session: CallSession
    private let isDone: () -> Bool
    private var hasFailed = false

    /// - Parameter isDone: whether the session's calls have come to their end.
    package init(_ session: CallSession, isDone: @escaping () -> Bool) {
        self.session = session
        self.isDone = isDone
    }

    package var isOver: Bool { hasFailed || isDone() }

    package func receive(_ bytes: UnsafeRawBufferPointer) {
        do {
            try unsafe session.receive(bytes)
        } catch {
            fail("HTTP/2: \(error)")
        }
    }

    package func end() {
        fail("the connection was closed before an answer")
    }

    /// The calls that aren't over hear of it.
    package func fail(_ reason: String) {
        guard !isOver else { return }
        hasFailed = true
        session.failAll(reason)
    }

    package func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        do {
            return try unsafe session.write(into: buffer)
        } catch {
            fail("HTTP/2: \(error)")
            return 0
        }
    }
}

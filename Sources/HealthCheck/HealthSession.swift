import Ground
import HTTP2

/// A client session that makes gRPC calls for health checks and hands each its answer.
package class HealthSession: Session {
    private let request: ProbeRequest
    private let lists = HeaderListPool()
    /// The open calls, kept until libnghttp2 has forgotten their streams.
    private var calls: [StreamID: HealthCallStream] = [:]

    /// - Parameter request: the names and fields that each call carries.
    package init(_ request: ProbeRequest) {
        self.request = request
        super.init(role: .client, settings: SessionSettings(), headerLists: lists, memory: SessionMemory())
    }

    /// Begins a call.
    ///
    /// - Parameters:
    ///   - path: `/SERVICE/METHOD`.
    ///   - readsMessages: whether `hear` is told of messages, or of the end alone.
    ///   - hear: called with each piece of the answer, from within `receive(_:)`.
    /// - Throws: `SessionError` if the session takes no more calls, as after a GOAWAY.
    @discardableResult
    final func call(
        _ path: String, message: [UInt8], readsMessages: Bool = true,
        hear: @escaping (HealthCallStream.Event) -> Void
    ) throws(SessionError) -> StreamID {
        let call = HealthCallStream(message: message, readsMessages: readsMessages, hear: hear)
        let head = lists.take()
        head.append(":method", "POST")
        head.append(":scheme", request.tls == nil ? "http" : "https")
        head.append(":path", path)
        head.append(":authority", request.authority)
        head.append("te", "trailers")
        head.append("content-type", "application/grpc")
        head.append("user-agent", request.userAgent)
        for field in request.fields { head.append(name: field.name, value: field.value) }
        defer { lists.give(head) }
        let stream = try submitRequest(head, endStream: false, context: call)
        calls[stream] = call
        return stream
    }

    /// Gives a call up, if it isn't over yet: it gets no more of an answer.
    package final func fail(_ stream: StreamID, _ reason: String) {
        guard let call = calls[stream] else { return }
        call.tell(.failed(reason: reason))
        reset(stream, .cancel)
    }

    /// Something has arrived that answers a call: a head, trailers or the end of its stream.
    package func answered() {}

    package override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        guard let call = calls[stream] else { return .last(0) }
        let count = min(buffer.count, call.unsent.count)
        unsafe buffer.copyBytes(from: call.unsent.prefix(count))
        call.unsent = call.unsent.dropFirst(count)
        return call.unsent.isEmpty ? .last(count) : .bytes(count)
    }

    package override func responseReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        defer { lists.give(head) }
        answered()
        if let status = head.number(of: .status), status != 200 {
            fail(stream, "HTTP status \(status)")
        } else if endStream {
            end(stream, head)
        }
    }

    package override func dataReceived(
        _ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext
    ) {
        consume(bytes.count, on: stream)
        guard let call = calls[stream], call.reader != nil else { return }
        do throws(MessageReader.Flaw) {
            for message in try unsafe call.reader!.messages(adding: bytes) { call.tell(.message(message)) }
        } catch {
            switch error {
            case .tooLong: fail(stream, "the response has more than \(MessageReader.largestMessage) bytes")
            case .compressed: fail(stream, "the response has no message that can be read")
            }
        }
    }

    package override func trailersReceived(
        _ trailers: HeaderList, on stream: StreamID, _ context: StreamContext
    ) {
        end(stream, trailers)
        lists.give(trailers)
    }

    /// No valid answer takes that much.
    package override func headersSkipped(bytes: Int, fields: Int) -> Bool { false }

    package override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        guard let call = calls.removeValue(forKey: stream) else { return }
        withExtendedLifetime(call) {
            call.tell(
                .failed(
                    reason: code == .noError
                        ? "the response has no grpc-status" : "the stream was reset with \(code)"))
        }
    }

    private func end(_ stream: StreamID, _ trailers: HeaderList) {
        guard let status = trailers.number(of: .grpcStatus) else {
            return fail(stream, "the response has no grpc-status")
        }
        calls[stream]?.tell(.ended(status: status, message: trailers.text(of: .grpcMessage)))
    }
}

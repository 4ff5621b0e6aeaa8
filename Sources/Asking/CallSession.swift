import Ground
import HTTP2

/// A client session that makes gRPC calls and hands each its answer.
open class CallSession: Session {
    private let contact: Contact
    private let lists = HeaderListPool()
    /// The open calls, kept until libnghttp2 has forgotten their streams.
    private var calls: [StreamID: CallStream] = [:]

    /// - Parameter contact: the names and fields that each call carries.
    package init(_ contact: Contact) {
        self.contact = contact
        super.init(role: .client, settings: SessionSettings(), headerLists: lists, memory: SessionMemory())
    }

    // MARK: Calls

    /// Makes a call with one message.
    ///
    /// - Parameters:
    ///   - path: `/SERVICE/METHOD`.
    ///   - largestAnswer: the most bytes of one of the answer's messages; `nil` if only the status counts.
    ///   - hear: called with each piece of the answer, from within `receive(_:)`.
    /// - Throws: `SessionError` if the session takes no more calls, as after a GOAWAY.
    @discardableResult
    package final func call(
        _ path: String, message: [UInt8], largestAnswer: Int?, hear: @escaping (CallStream.Event) -> Void
    ) throws(SessionError) -> StreamID {
        let stream = try open(path, largestAnswer: largestAnswer, hear: hear)
        send(message, isLast: true, on: stream)
        return stream
    }

    /// Begins a call whose messages follow. The parameters are those of `call`.
    package final func open(
        _ path: String, largestAnswer: Int?, hear: @escaping (CallStream.Event) -> Void
    ) throws(SessionError) -> StreamID {
        let call = CallStream(reader: largestAnswer.map { MessageReader(largest: $0) }, hear: hear)
        let head = lists.take()
        head.append(":method", "POST")
        head.append(":scheme", contact.tls == nil ? "http" : "https")
        head.append(":path", path)
        head.append(":authority", contact.authority)
        head.append("te", "trailers")
        head.append("content-type", "application/grpc")
        head.append("user-agent", contact.userAgent)
        for field in contact.fields { head.append(name: field.name, value: field.value) }
        defer { lists.give(head) }
        let stream = try submitRequest(head, endStream: false, context: call)
        calls[stream] = call
        return stream
    }

    /// Sends a further message of a call, unless that is over.
    package final func send(_ message: [UInt8], isLast: Bool = false, on stream: StreamID) {
        guard let call = calls[stream] else { return }
        call.unsent += MessageReader.framed(message)
        call.isComplete = isLast
        resume(stream)
    }

    /// Ends the messages of a call.
    package final func endMessages(on stream: StreamID) {
        calls[stream]?.isComplete = true
        resume(stream)
    }

    /// Gives a call up, if it isn't over yet: it gets no more of an answer.
    package final func fail(_ stream: StreamID, _ reason: String) {
        guard let call = calls[stream] else { return }
        call.tell(.failed(reason: reason))
        reset(stream, .cancel)
    }

    /// Gives all calls up that aren't over.
    package final func failAll(_ reason: String) {
        for stream in calls.keys.sorted() { fail(stream, reason) }
    }

    // MARK: Events

    /// Something has arrived that answers a call: a head, trailers or the end of its stream.
    open func answered() {}

    public override final func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        guard let call = calls[stream] else { return .last(0) }
        let count = min(buffer.count, call.unsent.count)
        unsafe buffer.copyBytes(from: call.unsent.prefix(count))
        call.unsent = call.unsent.dropFirst(count)
        if call.unsent.isEmpty, call.isComplete { return .last(count) }
        return count > 0 ? .bytes(count) : .nothingYet
    }

    public override final func responseReceived(
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

    public override final func dataReceived(
        _ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext
    ) {
        consume(bytes.count, on: stream)
        guard let call = calls[stream], let largest = call.reader?.largest else { return }
        do throws(MessageReader.Flaw) {
            for message in try unsafe call.reader!.messages(adding: bytes) { call.tell(.message(message)) }
        } catch {
            switch error {
            case .tooLong: fail(stream, "the response has more than \(largest) bytes")
            case .compressed: fail(stream, "the response has no message that can be read")
            }
        }
    }

    public override final func trailersReceived(
        _ trailers: HeaderList, on stream: StreamID, _ context: StreamContext
    ) {
        end(stream, trailers)
        lists.give(trailers)
    }

    /// No valid answer takes that much.
    public override final func headersSkipped(bytes: Int, fields: Int) -> Bool { false }

    public override final func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
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

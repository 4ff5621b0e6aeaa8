import HTTPTypes
import NIOCore
import NIOHTTP1

/// One connection: reads complete requests one after the other, has each answered, and enforces the limits.
///
/// Confined to its event loop. A refused request is answered at once; the rest of it is read and dropped, because the
/// answer would not arrive if the connection were closed with bytes unread (RFC 9112, section 9.6).
final class ServerConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// No byte of a request has arrived.
        case idle
        /// The head is arriving.
        case head
        case body(RequestHead, ByteBuffer)
        case answering(RequestHead)
        /// The answer is being sent; then the connection continues or closes.
        case writing
        /// Whatever still arrives is dropped.
        case lingering
        case closed
    }

    private static let tooMuch = Response.failure(
        .serviceUnavailable, "too many bytes of other requests are being held", headers: [.retryAfter: "1"])

    /// The number of parts kept of requests that the client sent before it had the previous answer; more are dropped.
    private static let pipelinedParts = 64

    /// The number of bytes of an answer that a client must read within the time limit.
    private static let pieceBytes = 262_144

    private let core: ServerCore
    private let key: Connections.Key
    private let isReserved: Bool
    private var phase = Phase.idle
    private var context: ChannelHandlerContext?
    private var peer = "unknown"
    private var pipelined = CircularBuffer<HTTPServerRequestPart>()
    /// Whether no request has been answered yet.
    private var isFirst = true
    /// When the request in progress began.
    private var began = NIODeadline.now()
    /// Whether the request in progress wants only the fields that an answer's body would have, not the body (HEAD).
    private var asksForHead = false
    /// Whether the answer closes the connection, regardless of its own fields.
    private var closesAfterAnswer = false
    /// Whether bytes that nobody wants may still arrive.
    private var mustLinger = false
    /// Whether parts of pipelined requests have been dropped: parts that follow can't be told from the rest of those,
    /// so the last request kept is the last to be answered.
    private var hasDropped = false
    /// The part of an answer's body that is still to be written.
    private var rest = ByteBuffer()
    private var inputHasEnded = false
    private var holdsRead = false
    private var dropped = 0
    private var timer: Scheduled<Void>?
    private var deadline = NIODeadline.distantFuture
    private var task: Task<Void, Never>?

    init(_ core: ServerCore, _ channel: any Channel) {
        self.core = core
        key = Connections.Key(channel)
        isReserved = core.connections.isReserved(key)
    }

    private var limits: ServerLimits { core.limits }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        peer = context.remoteAddress?.ipAddress ?? "unknown"
        began = .now()
        setTimer(isReserved ? limits.reserveTimeout : limits.headTimeout)
        if core.connections.isQuiescing(key) { quiesce() }
    }

    private func end() {
        // Nobody is there to take the answer.
        task?.cancel()
        phase = .closed
        stopTimer()
        context = nil
        pipelined.removeAll()
    }

    /// Bytes have arrived, decrypted but not parsed yet.
    ///
    /// - Returns: whether they are to be parsed.
    func wantsBytes(_ count: Int) -> Bool {
        switch phase {
        case .idle:
            awaitHead()
        case .lingering:
            dropped += count
            if dropped > limits.lingering.bytes { cut() }
            return false
        case .closed:
            return false
        case .head, .body, .answering, .writing:
            break
        }
        return true
    }

    /// A request begins.
    private func awaitHead() {
        phase = .head
        guard !isReserved else { return }
        began = .now()
        setTimer(limits.headTimeout)
        // The first request has been awaited since the connection was accepted.
        if !isFirst { core.connections.enter(.unfinished, key) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch phase {
        case .writing where mustLinger:
            // The rest of a request that is being refused.
            break
        case .answering, .writing:
            if pipelined.count < Self.pipelinedParts, !hasDropped {
                pipelined.append(part)
            } else {
                hasDropped = true
            }
        case .idle, .head, .body:
            take(part)
        case .lingering, .closed:
            break
        }
    }

    /// The next request is read once the previous one has its answer.
    func read(context: ChannelHandlerContext) {
        switch phase {
        case .answering, .writing: holdsRead = true
        default: context.read()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            inputHasEnded = true
            switch phase {
            case .answering:
                closesAfterAnswer = true
                // The client may have gone, or may wait for its answer and send nothing more: it gets one, but soon.
                task?.cancel()
            case .writing: closesAfterAnswer = true
            default: close()
            }
        case is ChannelShouldQuiesceEvent:
            quiesce()
        case is BytesLost:
            if case .body = phase { refuseForBytes() } else if case .writing = phase { cut() }
        case is ServerAborts:
            task?.cancel()
            cut()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (error, phase) {
        case (is HTTPParserError, .answering), (is HTTPParserError, .writing):
            hasDropped = true
        case (HTTPParserError.headerOverflow, .head):
            refuse(
                .failure(
                    .requestHeaderFieldsTooLarge,
                    "the head has more than \(limits.headerBytes) bytes or \(limits.headerFields) fields"))
        case (is HTTPParserError, .head), (is HTTPParserError, .body), (is HTTPParserError, .idle):
            refuse(.failure(.badRequest, "this is not an HTTP request"))
        case (is HTTPParserError, .lingering):
            break
        default:
            cut()
        }
    }

    private func quiesce() {
        switch phase {
        case .idle, .lingering:
            close()
        case .head, .body:
            closesAfterAnswer = true
            if deadline > .now() + limits.stopTimeout { setTimer(limits.stopTimeout) }
        case .answering, .writing:
            closesAfterAnswer = true
        case .closed:
            break
        }
    }

    // MARK: A request

    private func take(_ part: HTTPServerRequestPart) {
        switch (part, phase) {
        case (.head(let head), .idle), (.head(let head), .head):
            take(head)
        case (.body(let bytes), .body(let head, var body)):
            guard body.readableBytes + bytes.readableBytes <= limits.bodyBytes else { return refuseForSize() }
            guard core.connections.take(bytes.readableBytes, for: key, since: began) else { return refuseForBytes() }
            // If it were referenced twice, appending would copy it.
            phase = .head
            body.writeImmutableBuffer(bytes)
            phase = .body(head, body)
        case (.end, .body(let head, let body)):
            answer(head, body)
        default:
            // Between a refusal and the end of its answer.
            break
        }
    }

    private func take(_ head: HTTPRequestHead) {
        guard let request = RequestHead(head) else {
            return refuse(.failure(.badRequest, "this is not an HTTP request"))
        }
        asksForHead = request.request.method == .head
        guard !isReserved || core.isLiveness(request.request) else {
            return refuse(
                .failure(
                    .serviceUnavailable, "every connection is taken by requests that are being answered",
                    headers: [.retryAfter: "1"]))
        }
        if let length = request.contentLength, length > limits.bodyBytes { return refuseForSize() }
        phase = .body(request, ByteBuffer())
        if !isReserved { setTimer(limits.requestTimeout, since: began) }
        if request.expectsContinue {
            context?.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
    }

    private func answer(_ head: RequestHead, _ body: ByteBuffer) {
        guard let context else { return }
        stopTimer()
        phase = .answering(head)
        isFirst = false
        core.connections.answerBegins(key)
        let request = Request(head: head.request, body: body, peer: peer)
        let (core, loop, this) = (core, context.eventLoop, NIOLoopBound(self, eventLoop: context.eventLoop))
        task = Task {
            let response = await core.respond(request)
            // Counted as in progress until it is being sent, so that nobody closes the connection in between.
            loop.execute {
                this.value.send(response)
                core.connections.answerEnds()
            }
        }
    }

    // MARK: An answer

    private func send(_ response: Response) {
        task = nil
        guard case .answering(let head) = phase else { return }
        core.connections.releaseBytes(of: key)
        var response = response
        if !asksForHead, !core.connections.take(response.body.readableBytes, for: key, since: began) {
            response = Self.tooMuch
        }
        if !head.keepsAlive || isReserved || closesAfterAnswer || isAtItsEnd { response.headers[.connection] = "close" }
        closesAfterAnswer = response.closes
        write(response, keepsAliveOldClient: head.isOld && !response.closes)
    }

    /// Whether no pipelined request is left to answer, and later ones have been dropped.
    private var isAtItsEnd: Bool {
        hasDropped && !pipelined.contains { if case .end = $0 { true } else { false } }
    }

    private func write(_ response: Response, keepsAliveOldClient: Bool = false) {
        guard let context else { return }
        phase = .writing
        core.connections.enter(.leaving, key)
        let head = response.head(date: HTTPDate.now(), keepsAliveOldClient: keepsAliveOldClient)
        rest = asksForHead ? ByteBuffer() : response.body
        context.write(wrapOutboundOut(head), promise: nil)
        writeRest()
    }

    /// Writes a piece of the answer, and the next one once the client has read it.
    private func writeRest() {
        guard case .writing = phase, let context else { return }
        setTimer(limits.answerTimeout)
        let piece = rest.readSlice(length: min(rest.readableBytes, Self.pieceBytes)) ?? ByteBuffer()
        let written = context.eventLoop.makePromise(of: Void.self)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let isLast = rest.readableBytes == 0
        written.futureResult.whenSuccess { if isLast { this.value.hasWritten() } else { this.value.writeRest() } }
        context.writeAndFlush(wrapOutboundOut(piece), promise: written)
    }

    private func hasWritten() {
        guard case .writing = phase, let context else { return }
        rest = ByteBuffer()
        core.connections.releaseBytes(of: key)
        if closesAfterAnswer || isAtItsEnd {
            if mustLinger || hasDropped || !pipelined.isEmpty { linger() } else { close() }
            return
        }
        phase = .idle
        core.connections.enter(.idle, key)
        setTimer(limits.idleTimeout)
        if !pipelined.isEmpty { awaitHead() }
        while let part = pipelined.popFirst() {
            take(part)
            switch phase {
            case .answering, .writing, .lingering, .closed: return
            case .idle, .head, .body: continue
            }
        }
        goOnReading(context)
    }

    private func goOnReading(_ context: ChannelHandlerContext) {
        guard holdsRead else { return }
        holdsRead = false
        context.read()
    }

    // MARK: Refusals and ends

    private func refuseForSize() {
        refuse(.failure(.contentTooLarge, limits.bodyRefusal))
    }

    private func refuseForBytes() {
        refuse(Self.tooMuch)
    }

    /// Answers a request whose end has not arrived.
    private func refuse(_ response: Response) {
        core.connections.releaseBytes(of: key)
        (closesAfterAnswer, mustLinger) = (true, true)
        write(response)
    }

    private func linger() {
        guard let context else { return }
        phase = .lingering
        pipelined.removeAll()
        if inputHasEnded { return close() }
        setTimer(limits.lingering.time)
        context.close(mode: .output, promise: nil)
        goOnReading(context)
    }

    private func close() {
        if case .closed = phase { return }
        context?.close(promise: nil)
    }

    private func cut() {
        if let context { Connections.cut(context.channel) }
    }

    private func setTimer(_ time: TimeAmount, since: NIODeadline = .now()) {
        stopTimer()
        guard let context else { return }
        deadline = since + time
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) { this.value.timeIsUp() }
    }

    private func stopTimer() {
        timer?.cancel()
        timer = nil
        deadline = .distantFuture
    }

    private func timeIsUp() {
        timer = nil
        switch phase {
        case .head, .body:
            // A client that took so long may be gone: nobody waits until the answer has been read.
            let late = Response.failure(.requestTimeout, "the request has not come whole in time")
            context?.write(wrapOutboundOut(late.head(date: HTTPDate.now(), keepsAliveOldClient: false)), promise: nil)
            context?.writeAndFlush(wrapOutboundOut(late.body), promise: nil)
            cut()
        case .idle:
            close()
        case .writing, .lingering:
            cut()
        case .answering, .closed:
            break
        }
    }
}

@available(*, unavailable)
extension ServerConnection: Sendable {}

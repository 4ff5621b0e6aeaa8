import EventLoop
import HTTP2
import TLS

/// A client's connection: requests come in, responses go out.
final class ClientConnection: Connection {
    private enum Phase {
        case serving
        /// A GOAWAY that announces the end is on its way; the PING behind it is not.
        case announcing(TimerID)
        /// New streams are still taken, until the PING is answered and the client has surely seen the GOAWAY.
        case announcedEnd(TimerID)
        /// Streams beyond the last GOAWAY's are ignored; the client knows that they weren't processed.
        case finishing
    }

    private var phase = Phase.serving
    /// For the access log: asked for once, not for each call.
    private lazy var loggedName = worker.logsAccess ? peerName : nil

    /// Who the client is by its certificate; `nil` for one that has shown none, or where nobody wants to know.
    private var identity: String?

    /// For what comes back to this client.
    var responses: ResponseAllowance

    private var resets: ResetBudget
    private var pings: PingPolicy
    /// Until the client's SETTINGS have come: when it connected.
    private var awaitsPrefaceSince: MonotonicTime?
    /// Since when there is no call.
    private var idleSince: MonotonicTime?
    /// What only calls need has been let go since the last one.
    private var isTrimmed = true
    /// How long without a call counts as idle: long enough that the next one seldom pays for it.
    private static let trimDelay = Duration.seconds(2)

    init(socket: Socket, tls: TLSConnection?, worker: Worker) throws(SystemError) {
        let limits = worker.limits
        let settings = SessionSettings(
            maxConcurrentStreams: UInt32(limits.maxConcurrentStreams), streamWindow: Int32(limits.streamWindow),
            connectionWindow: Int32(limits.connectionWindow), maxHeaderListSize: UInt32(limits.maxHeaderListSize),
            maxHeaderFields: limits.maxHeaderFields)
        let now = worker.loop.now
        responses = ResponseAllowance(
            total: limits.connectionWindow, streams: limits.maxConcurrentStreams, full: limits.streamWindow)
        resets = ResetBudget(capacity: limits.resetBudget, refill: limits.resetRefill, now: now)
        pings = PingPolicy(minimumInterval: limits.minPingInterval)
        awaitsPrefaceSince = now
        idleSince = now
        try super.init(role: .server, socket: socket, tls: tls, settings: settings, worker: worker, interest: .readable)
        // The first SETTINGS wait for the client's own, which every client sends at once: they go out with the answer.
    }

    override func secured(_ tls: TLSConnection) {
        guard worker.logsAccess || worker.forwardsClientIdentity else { return }
        identity = tls.peerIdentity?.forwardedClientCertificate
    }

    // MARK: The request comes in

    override func requestBegan(on stream: StreamID) -> StreamContext {
        let call = Call(
            client: self, stream: stream, began: worker.loop.now, clientName: loggedName, clientIdentity: identity)
        call.indexOnClient = calls.count
        calls.append(Lent(call))
        worker.keep(call)
        idleSince = nil
        isTrimmed = false
        return call
    }

    override func requestReceived(
        _ head: HeaderBlock, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        receivedData()
        let call = context.call
        let hasPath = head.value(of: .path, hasPrefix: "/")
        guard hasPath || Self.isSoundWithoutPath(head) else {
            headerBlocks.give(head)
            return cancel(stream, .protocolError)
        }
        let head = withIdentity(head)
        call.isGRPC = head.value(of: .contentType, hasPrefix: "application/grpc")
        if !call.isGRPC { call.isHead = head.withValue(of: .method) { $0.elementsEqual("HEAD".utf8) } ?? false }
        call.requestHead = head
        call.request = endStream ? .ended(trailers: nil) : .streaming
        call.deadline = head.withValue(of: .grpcTimeout) { GRPCTimeout.parse($0) }?.flatMap { $0 }.map {
            worker.loop.now + $0 + worker.limits.deadlineGrace
        }
        worker.begin(call)
        if head.isTruncated {
            call.fail(.headersTooLarge(worker.limits), worker)
        } else if !hasPath, !head.has(.path) {
            // CONNECT alone has none. No tunnel leads through here, and what has no path has no backend.
            call.fail(Failure(kind: .unsupportedMethod, message: "the proxy makes no tunnels"), worker)
        } else if !head.allValues(of: .grpcTimeout, { GRPCTimeout.parse($0) != nil }) {
            call.fail(Failure(kind: .malformedRequest, message: "the call's grpc-timeout is no timeout"), worker)
        } else if worker.heldBytes > worker.limits.maxBufferedBytes {
            call.fail(Failure(kind: .overloaded, message: "the proxy holds too much already"), worker)
        } else {
            worker.place(call)
        }
    }

    /// Who the client is, only the Proxy says: what the client says itself never passes.
    private func withIdentity(_ head: HeaderBlock) -> HeaderBlock {
        let head = withoutIdentity(head)
        guard worker.forwardsClientIdentity, let identity else { return head }
        let own = headerBlocks.own(head)
        own.append("x-forwarded-client-cert", identity)
        headerBlocks.recount(own)
        return own
    }

    private func withoutIdentity(_ list: HeaderBlock) -> HeaderBlock {
        guard list.has(.forwardedClientCertificate) else { return list }
        let own = headerBlocks.own(list)
        own.removeAll(of: .forwardedClientCertificate)
        return own
    }

    /// Whether a head is sound whose path doesn't begin with a slash (RFC 9113, section 8.3.1): libnghttp2 looks at it for
    /// http and https alone.
    private static func isSoundWithoutPath(_ head: HeaderBlock) -> Bool {
        !head.has(.path) || head.value(of: .path, hasPrefix: "*") && head.value(of: .method, hasPrefix: "OPTIONS")
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        let call = context.call
        guard call.wantsRequestBody else { return consume(bytes.count, on: stream) }
        call.bytesUp += bytes.count
        call.lastMoved = worker.loop.now
        call.requestBody.append(bytes, from: chunks)
        call.resumeUpstream()
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        context.call.request = .ended(trailers: nil)
        context.call.resumeUpstream()
    }

    /// The end of the request. What trailers say stays here: gRPC has none in requests, what they could decide has been
    /// decided (RFC 9110, section 6.5.1), and servers in Go end the connection, which all share, for a second header list on
    /// a stream: grpc-go always, golang.org/x/net/http2 if it has crossed a RST_STREAM.
    override func trailersReceived(_ trailers: HeaderBlock, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        let call = context.call
        let isTooLong = trailers.isTruncated
        headerBlocks.give(trailers)
        call.request = .ended(trailers: nil)
        if isTooLong { return call.end(.headersTooLarge(worker.limits), worker) }
        call.resumeUpstream()
    }

    // MARK: The response goes out

    /// The response's head, and all of the response where `endStream` says so.
    func sendResponse(_ head: HeaderBlock, endStream: Bool, on stream: StreamID, _ call: Call) {
        submitResponse(head, endStream: endStream, on: stream, context: call)
        sentData()
        markDirty()
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let call = context.call
        let count = call.responseBody.read(into: buffer, pool: chunks)
        if count > 0 {
            sentData()
            call.undeliveredSince = call.responseBody.isEmpty ? nil : worker.loop.now
        }
        if count > 0, case .open(let upstream, let upstreamStream) = call.upstream {
            upstream.use {
                $0.consumeStream(count, on: upstreamStream)
                $0.markDirty()
            }
        }
        guard call.responseBody.isEmpty, case .ended(let trailers) = call.response else {
            if count > 0 { return .bytes(count) }
            call.clientAwaitsBody = true
            return .nothingYet
        }
        guard let trailers else { return .last(count) }
        submitTrailers(trailers, on: stream)
        call.response = .ended(trailers: nil)
        headerBlocks.give(trailers)
        return .lastBeforeTrailers(count)
    }

    override func endSent(on stream: StreamID, _ context: StreamContext) {
        let call = context.call
        guard !call.request.hasEnded else { return }
        // The answer is complete, what the client still sends interests nobody (RFC 9113, section 8.1); an upstream that
        // said so with a code of its own is quoted.
        reset(stream, call.upstreamReset ?? .noError)
    }

    // MARK: The end of a stream

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        let call = context.call
        if code == .noError {
            resets.endedCleanly()
        } else if call.upstreamReset == nil, call.failure == nil, !resets.endedUncleanly(now: worker.loop.now) {
            violate(.resets, "too many streams that were reset")
        }
        closeLeg(of: call, code)
    }

    override func lost(_ reason: String) {
        switch phase {
        case .announcing(let timer), .announcedEnd(let timer): worker.loop.cancel(timer)
        case .serving, .finishing: break
        }
        while let call = calls.last { closeLeg(of: call.object, .cancel) }
        worker.clientLeft(self)
    }

    private func closeLeg(of call: Call, _ code: ErrorCode) {
        removeCall(at: call.indexOnClient) { $0.indexOnClient = call.indexOnClient }
        if calls.isEmpty { idleSince = worker.loop.now }
        call.dropRequestBody(worker)
        call.giveBackResponseGrant()
        call.client = .closed
        if !call.response.hasEnded || code != .noError { call.clientReset = code }
        call.cancelUpstream(code)
        worker.finishIfOver(call)
    }

    /// Ends a stream with RST_STREAM at once.
    func cancel(_ stream: StreamID, _ code: ErrorCode) {
        reset(stream, code)
        markDirty()
    }

    // MARK: Limits

    override func resetSent(_ code: ErrorCode, on stream: StreamID) {
        if code == .refusedStream { worker.reached(.streams) }
    }

    override func settingsReceived() {
        awaitsPrefaceSince = nil
    }

    override func pingReceived() -> Bool {
        guard !pings.received(now: worker.loop.now) else { return true }
        violate(.pings, "PINGs without a pause")
        return false
    }

    override func sentData() {
        super.sentData()
        pings.sentData()
    }

    override func sweep(_ now: MonotonicTime) {
        super.sweep(now)
        guard isOpen else { return }
        if let since = awaitsPrefaceSince, now > since + worker.limits.prefaceTimeout {
            worker.count(.preface, peerName, "no HTTP/2 preface and SETTINGS within \(worker.limits.prefaceTimeout)")
            return close("no preface")
        }
        if let since = idleSince {
            if !isTrimmed, now > since + Self.trimDelay { trim() }
            if let limit = worker.limits.idleTimeout, now > since + limit, case .serving = phase {
                worker.reached(.idleConnection)
                worker.report(.info, "ending an idle connection", [("peer", peerName), ("after", "\(limit)")])
                beginShutdown()
            }
        }
        for call in calls { sweep(call.object, now) }
    }

    private func trim() {
        isTrimmed = true
        calls = []
        trimMemory()
    }

    private func sweep(_ call: Call, _ now: MonotonicTime) {
        let limits = worker.limits
        if let deadline = call.deadline, now > deadline, !call.response.hasEnded {
            call.deadline = nil
            call.end(Failure(kind: .deadlineExceeded, message: "the call's deadline has passed"), worker)
        } else if let since = call.undeliveredSince, now > since + limits.writeTimeout,
            case .open(_, let stream) = call.client
        {
            call.undeliveredSince = now
            worker.reached(.streamWriteStall)
            cancel(stream, .cancel)
        } else if let limit = limits.streamIdleTimeout, now > call.lastMoved + limit, !call.response.hasEnded {
            call.end(Failure(kind: .idle, message: "nothing has moved for \(limit)"), worker)
        }
    }

    // MARK: Shutdown (RFC 9113, section 6.8)

    /// Tells the client that the connection ends, in two steps, so that no stream on its way is lost: a GOAWAY that
    /// covers every stream and a PING; once that is answered, whatever the client sent without knowing has arrived, and
    /// a GOAWAY names the last stream that will be served.
    func beginShutdown() {
        guard case .serving = phase else { return }
        submitShutdownNotice()
        markDirty()
        // libnghttp2 sends a PING before everything else that waits: it has to come when the GOAWAY has been written.
        phase = .announcing(worker.loop.schedule(after: .milliseconds(1)) { [unowned self] in awaitEndSeen() })
    }

    private func awaitEndSeen() {
        submitPing()
        markDirty()
        phase = .announcedEnd(
            worker.loop.schedule(after: worker.limits.goAwayTimeout) { [unowned self] in finishShutdown() })
    }

    override func pingAnswered() {
        finishShutdown()
    }

    private func finishShutdown() {
        guard case .announcedEnd(let timer) = phase else { return }
        worker.loop.cancel(timer)
        phase = .finishing
        submitGoAway()
        markDirty()
    }
}

extension StreamContext {
    /// The data plane's sessions give libnghttp2 no other context than calls.
    var call: Call { unsafeDowncast(self, to: Call.self) }
}

import Connections
import EventLoop
import Ground
import HTTP2
import TLS

/// A client's connection: requests come in, responses go out.
final class ClientConnection: ServerConnection {
    /// A counted reference; the cycle ends when the connection closes and its host releases it.
    let worker: Worker
    /// Calls with a leg on this connection; each knows its index here.
    var calls: [Lent<Call>] = []
    /// The client's name for the access log, computed once and not for each call.
    private lazy var loggedName = worker.book.logsAccess ? peerName : nil

    /// The identity in the client's certificate; `nil` if the client has shown none, or if nothing uses it.
    private var identity: String?

    /// Window growth for responses to this client, and for its requests.
    var responses: WindowAllowance
    var requests: WindowAllowance

    /// Time of the last search for quiet streams that could leave their share to others.
    var lookedForQuiet: MonotonicTime?

    /// The client as a release keeps it on one color.
    private lazy var stickyName = Array((transport.peerIdentity?.stickyName ?? Peer(peerAddress).description).utf8)
    /// A deadline below this may pass before the turn begins in which its call is taken in.
    private static let shortDeadline = Duration.milliseconds(10)

    init(
        transport: Transport, peerAddress: SocketAddress?, door: Door,
        registration: ConnectionRegistry.Registration, worker: Worker
    ) throws(SystemError) {
        self.worker = worker
        let limits = worker.limits
        responses = WindowAllowance(
            base: limits.upstreamStreamWindow, full: limits.streamWindow, most: limits.mostGrownWindows, isEarned: true)
        // An upstream that has taken what came is proof enough: no bytes that it leaves unread were sent in vain.
        requests = WindowAllowance(
            base: limits.streamWindow, full: limits.streamWindow, most: limits.mostGrownWindows, isEarned: false)
        try super.init(
            transport: transport, peerAddress: peerAddress, door: door, registration: registration, host: worker.host)
    }

    override func secured() {
        super.secured()
        guard let proven = transport.peerIdentity else { return }
        if worker.book.logsAccess || worker.forwardsClientIdentity { identity = proven.forwardedClientCertificate }
    }

    // MARK: The request comes in

    override func requestBegan(on stream: StreamID) -> StreamContext {
        let call = Call(
            client: self, stream: stream, began: worker.loop.now, clientName: loggedName, clientIdentity: identity)
        call.indexOnClient = calls.count
        calls.append(Lent(call))
        worker.book.keep(call)
        becameBusy()
        return call
    }

    override func requestReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        receivedData()
        let call = context.call
        let hasPath = head.value(of: .path, hasPrefix: "/")
        guard hasPath || Self.isSoundWithoutPath(head) else {
            headerLists.give(head)
            return cancel(stream, .protocolError)
        }
        let (wish, head) = takeWish(withIdentity(head))
        call.callProtocol = CallProtocol(ofRequest: head)
        if !call.isGRPC {
            call.isHead = unsafe head.bytes(of: .method)?.elementsEqual("HEAD".utf8) ?? false
        }
        call.requestHead = head
        call.request = endStream ? .ended(trailers: nil) : .streaming
        if let value = unsafe head.bytes(of: .grpcTimeout), let timeout = unsafe GRPCTimeout.parse(value) {
            setDeadline(call, timeout)
        }
        if worker.hasKeys { call.shareKey = keyHash(head, worker.router.keySecret) }
        worker.begin(call, head, wish ?? .none) { keyHash(head, $0) ?? worker.random.next() }
        if head.isTruncated {
            call.fail(.headersTooLarge(worker.limits), worker)
        } else if !hasPath, !head.has(.path) {
            // Only CONNECT has no path. The Proxy makes no tunnels, and without a path there is no upstream to choose.
            call.fail(ProxyAnswer(kind: .unsupportedMethod, message: "the proxy makes no tunnels"), worker)
        } else if unsafe !head.allValues(of: .grpcTimeout, { unsafe GRPCTimeout.parse($0) != nil }) {
            call.fail(ProxyAnswer(kind: .malformedRequest, message: "the call's grpc-timeout is no timeout"), worker)
        } else if wish == nil {
            call.fail(.unknownColor, worker)
        } else if call.cameTooLate {
            call.fail(.deadlineExceeded, worker)
        } else if HeldMemory.isShort(worker), worker.memory.refuses(self, worker) {
            call.fail(ProxyAnswer(kind: .overloaded, message: "the proxy holds too much already"), worker)
        } else {
            worker.place(call)
            worker.copier?.copy(call)
        }
    }

    private func setDeadline(_ call: Call, _ timeout: Duration) {
        let deadline = call.began + timeout
        call.ownDeadline = deadline
        call.deadline = deadline + worker.limits.deadlineGrace
        // The loop's clock shows the time at which the turn began: accurate enough for all but the shortest deadlines.
        call.cameTooLate = timeout < Self.shortDeadline && worker.loop.readClock() >= deadline
    }

    /// Takes the color that a call asks for out of its head.
    ///
    /// - Returns: the wish, `nil` if what the metadata names is no color, or not only one; and the head without it.
    private func takeWish(_ head: HeaderList) -> (ColorWish?, HeaderList) {
        let standing = door == .preview ? ColorWish.preview : .none
        guard let name = worker.routeMetadata else { return (standing, head) }
        var names: [ColorName?] = []
        unsafe head.forEachValue(named: name) { unsafe names.append(ColorName($0)) }
        guard let first = names.first else { return (standing, head) }
        let own = headerLists.own(head)
        own.removeAll(named: name)
        guard let first, names.allSatisfy({ $0 == first }) else { return (nil, own) }
        // Whoever knows of the preview listener has chosen it.
        return (door == .preview ? .preview : .metadata(first), own)
    }

    /// The hash of what a release keeps on one color: by that of the release's secret, a call belongs to its share or not.
    ///
    /// - Returns: `nil` if there is no such key, and the call is drawn by lot.
    @inline(never)
    private func keyHash(_ head: HeaderList, _ secret: ShareSecret) -> UInt64? {
        var hash: UInt64?
        switch worker.stickyKey {
        case .none: break
        case .client: unsafe stickyName.withUnsafeBufferPointer { unsafe hash = secret.hash($0) }
        case .metadata:
            unsafe head.forEachValue(named: worker.stickyMetadata) { value in
                // The first value that there is: one that a proxy on the way adds comes later.
                if hash == nil, !value.isEmpty { unsafe hash = secret.hash(value) }
            }
        }
        return hash
    }

    /// Makes the Proxy the only source of the client's identity, and of its own fields: what the client claims itself
    /// never passes.
    private func withIdentity(_ head: HeaderList) -> HeaderList {
        var head = headerLists.removing(.forwardedClientCertificate, from: head)
        head = headerLists.removing(.proxyOwned, from: head)
        guard worker.forwardsClientIdentity, let identity else { return head }
        let own = headerLists.own(head)
        own.append("x-forwarded-client-cert", identity)
        headerLists.recount(own)
        return own
    }

    /// Whether a head is valid whose path doesn't begin with a slash (RFC 9113, section 8.3.1): libnghttp2 checks that
    /// for http and https only.
    private static func isSoundWithoutPath(_ head: HeaderList) -> Bool {
        !head.has(.path) || head.value(of: .path, hasPrefix: "*") && head.value(of: .method, hasPrefix: "OPTIONS")
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        creditConnection(bytes.count)
        let call = context.call
        guard call.wantsRequestBody else {
            // Without this piece a copy's request would be another one.
            call.copy?.giveUp(.cancelled)
            return consumeStream(bytes.count, on: stream)
        }
        if call.bytesUp == 0 { call.firstUp = unsafe FirstMessage(bytes) }
        call.bytesUp += bytes.count
        call.lastMoved = worker.loop.now
        unsafe call.requestBody.append(bytes, from: chunks)
        call.resumeUpstream()
        if let copy = call.copy { unsafe copy.requestReceived(bytes) }
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        context.call.request = .ended(trailers: nil)
        context.call.resumeUpstream()
        context.call.copy?.requestEnded()
    }

    /// Drops a request's trailers. gRPC has none, HTTP lets any intermediary drop them (RFC 9110, section 6.5), and
    /// grpc-go ends the connection over them, as Go's own server does if they cross its RST_STREAM.
    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        let call = context.call
        let isTruncated = trailers.isTruncated
        headerLists.give(trailers)
        call.request = .ended(trailers: nil)
        if isTruncated { return call.end(.headersTooLarge(worker.limits), worker) }
        call.resumeUpstream()
        call.copy?.requestEnded()
    }

    // MARK: The response goes out

    /// Sends the response's head, which is the whole response if `endStream` is set.
    func sendResponse(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ call: Call) {
        submitResponse(head, endStream: endStream, on: stream, context: call)
        sentData()
        markDirty()
    }

    /// Sends trailers to a client whose window is shut. Trailers need no window, but libnghttp2 asks for nothing more
    /// while a stream has none.
    ///
    /// - Returns: whether they were sent; `false` if the client's window is open.
    func sendTrailersPastWindow(_ trailers: HeaderList, on stream: StreamID) -> Bool {
        guard peerWindow <= 0 || peerWindow(of: stream) <= 0 else { return false }
        submitTrailers(trailers, on: stream)
        headerLists.give(trailers)
        sentData()
        markDirty()
        return true
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let call = context.call
        let count = unsafe call.responseBody.read(into: buffer, pool: chunks)
        if count > 0 {
            sentData()
            call.undeliveredSince = call.responseBody.isEmpty ? nil : worker.loop.now
        }
        if count > 0 { call.creditUpstream(count, self) }
        guard call.responseBody.isEmpty, case .ended(let trailers) = call.response else {
            if count > 0 { return .bytes(count) }
            call.clientAwaitsBody = true
            return .nothingYet
        }
        if let code = call.responseReset {
            reset(stream, code)
            return count > 0 ? .bytes(count) : .nothingYet
        }
        guard let trailers else { return .last(count) }
        submitTrailers(trailers, on: stream)
        call.response = .ended(trailers: nil)
        headerLists.give(trailers)
        return .lastBeforeTrailers(count)
    }

    override func endSent(on stream: StreamID, _ context: StreamContext) {
        let call = context.call
        guard !call.request.hasEnded else { return }
        // The answer is complete, so nothing needs what the client still sends (RFC 9113, section 8.1). If the upstream
        // said so with a code of its own, that code is passed on.
        reset(stream, call.upstreamReset ?? .noError)
    }

    override func connectionCredited(_ count: Int) {
        responses.creditCame(count)
    }

    // MARK: The end of a stream

    override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        context.call.streamEnd = .reset
    }

    /// Resets the stream of a response that is cut short, if the client has all that came of it; otherwise
    /// `body(of:_:into:)` does so later.
    func endCutShort(_ stream: StreamID, _ call: Call) {
        guard let code = call.responseReset, call.responseBody.isEmpty, !hasQueuedHeaders(on: stream) else { return }
        cancel(stream, code)
    }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        let call = context.call
        if code == .noError, call.streamEnd != .reset {
            // A request that was answered before it was complete pays for nothing, and earns nothing: it costs the upstream
            // connection a reset.
            if call.request.hasEnded { endedCleanly(call) }
        } else if !endedUncleanly(call) {
            violate(.resets, "too many streams that were reset")
        }
        closeLeg(of: call, code)
    }

    override func lost(_ reason: String) {
        while let call = calls.last?.object {
            if !call.isAnswered { _ = endedUncleanly(call) }
            call.streamEnd = endedFor.map { .rule($0.rawValue) } ?? .connectionLost
            closeLeg(of: call, .cancel)
        }
        worker.clientLeaves(self)
        super.lost(reason)
    }

    private func closeLeg(of call: Call, _ code: ErrorCode) {
        calls.remove(at: call.indexOnClient) { $0.indexOnClient = call.indexOnClient }
        if calls.isEmpty { becameIdle() }
        call.dropRequestBody(worker)
        call.giveBackResponseGrant()
        call.giveBackRequestGrant()
        call.client = .closed
        call.copy?.liveIsOver()
        if !call.response.hasEnded || call.responseReset != nil || code != .noError { call.clientReset = code }
        // A code that the Proxy has sent the client is not the client's word to the upstream.
        let isOwnEnd = if case .rule = call.streamEnd { true } else { false }
        call.cancelUpstream(isOwnEnd ? .cancel : code)
        worker.finishIfOver(call)
    }

    // MARK: Time

    override func isShut(for time: Duration, _ now: MonotonicTime) -> Bool {
        calls.contains { $0.use { isShut($0, for: time, now) } }
    }

    override func sweepStreams(_ now: MonotonicTime) {
        for call in calls { sweep(call.object, now) }
    }

    override func trim() {
        calls = []
        super.trim()
    }
}

extension StreamContext {
    /// The call of a stream: the data plane's sessions give libnghttp2 no other context.
    var call: Call { unsafe unsafeDowncast(self, to: Call.self) }
}

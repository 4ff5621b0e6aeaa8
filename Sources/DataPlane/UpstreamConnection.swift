import EventLoop
import HTTP2
import TLS

/// A connection to an endpoint, shared by many calls: requests go out, responses come in.
final class UpstreamConnection: Connection {
    private enum Phase {
        /// Until the socket is connected.
        case connecting
        /// Until the upstream's SETTINGS have come: only then is it known to speak HTTP/2, and how many streams it takes.
        case handshaking
        case ready
        /// The upstream has sent GOAWAY: open streams go on, no new ones.
        case draining
    }

    private var phase = Phase.connecting
    private let pool: EndpointPool
    let address: SocketAddress
    /// With which streams begin.
    let streamWindow: Int
    /// How large a header list the endpoint takes, as it says itself.
    private var mostListBytes = Int.max
    /// When the keepalive PING was sent that isn't answered yet.
    private var pingSent: MonotonicTime?

    init(to address: SocketAddress, pool: EndpointPool, worker: Worker) throws {
        self.pool = pool
        self.address = address
        streamWindow = worker.limits.upstreamStreamWindow
        let settings = SessionSettings(
            streamWindow: Int32(streamWindow), connectionWindow: 16 << 20,
            maxHeaderListSize: UInt32(worker.limits.maxHeaderListSize),
            maxHeaderFields: worker.limits.maxHeaderFields)
        let socket = try Socket.connect(to: address)
        socket.setKeepAlive()
        let tls = try worker.upstreamTLS.map {
            try TLSConnection(client: socket, host: pool.endpoint.host, context: $0, records: worker.records)
        }
        try super.init(role: .client, socket: socket, tls: tls, settings: settings, worker: worker, interest: .writable)
        worker.add(self)
    }

    /// Whether one more call fits.
    var hasRoom: Bool {
        guard case .ready = phase else { return false }
        return calls.count < min(peerMaxConcurrentStreams, worker.limits.maxStreamsPerUpstreamConnection)
    }

    // MARK: Connecting

    override func ready(_ readiness: Readiness) {
        if case .connecting = phase {
            if let error = socket.connectionError() { return close(error.reason) }
            guard readiness.contains(.writable) else { return }
            phase = .handshaking
            if let tls { return shakeHands(tls) }
            watch(for: .readable)
            return markDirty()
        }
        super.ready(readiness)
    }

    override func settingsReceived() {
        mostListBytes = peerMaxHeaderListSize
        switch phase {
        // Without room for a single stream it is of no use yet: SETTINGS that follow may make some.
        case .handshaking where peerMaxConcurrentStreams > 0:
            phase = .ready
            pool.connectionIsReady(self)
        case .ready: pool.roomWasMade()
        case .connecting, .handshaking, .draining: break
        }
    }

    override func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) {
        switch phase {
        case .connecting, .draining: return
        case .handshaking: close("the upstream sent GOAWAY (\(code)) at once")
        case .ready: beginDraining()
        }
    }

    private func beginDraining() {
        phase = .draining
        pool.connectionIsDraining(self)
    }

    override func lost(_ reason: String) {
        defer { worker.remove(self) }
        switch phase {
        case .connecting, .handshaking: pool.connectionFailed(self, reason)
        case .ready, .draining: pool.connectionIsLost(self)
        }
        while let call = calls.last?.object {
            closeLeg(of: call)
            if call.response.hasEnded {
                call.dropRequestBody(worker)
                worker.finishIfOver(call)
                continue
            }
            pool.countFailure()
            call.fail(
                Failure(kind: .lost, message: "\(pool.name) was lost during the call: \(reason)"), worker)
        }
    }

    // MARK: Keepalive

    override func sweep(_ now: MonotonicTime) {
        super.sweep(now)
        guard isOpen, !calls.isEmpty, let keepalive = worker.limits.upstreamKeepalive else { return }
        if let sent = pingSent {
            if lastReceived > sent {
                pingSent = nil
            } else if now > sent + worker.limits.keepaliveTimeout {
                worker.reached(.upstreamKeepalive)
                close("no answer to a keepalive PING within \(worker.limits.keepaliveTimeout)")
            }
        } else if now > lastReceived + keepalive {
            pingSent = now
            submitPing()
            markDirty()
        }
    }

    // MARK: The request goes out

    /// Gives a call its upstream leg here.
    func start(_ call: Call, head: HeaderBlock) {
        if let failure = refusal(of: head) {
            call.upstream = .none
            return call.fail(failure, worker)
        }
        let isComplete = call.request.hasEnded && call.requestBody.isEmpty
        do {
            let stream = try submitRequest(head, endStream: isComplete, context: call)
            call.upstream = .open(Lent(self), stream)
            call.upstreamAwaitsBody = false
            call.indexOnUpstream = calls.count
            calls.append(Lent(call))
            markDirty()
        } catch {
            // The stream identifiers are used up (RFC 9113, section 5.1.1): only a new connection has more.
            call.upstream = .none
            beginDraining()
            submitGoAway()
            markDirty()
            worker.placeAgain(call)
        }
    }

    /// Why a header list is not to be sent here: the endpoint says that it takes none as large. Netty and others end the
    /// connection for one that is larger still.
    private func refusal(of list: HeaderBlock) -> Failure? {
        guard list.listSize > mostListBytes else { return nil }
        return Failure(
            kind: .headersTooLarge, message: "\(pool.name) takes no header list over \(mostListBytes) bytes")
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let call = context.call
        let count = call.requestBody.read(into: buffer, pool: chunks)
        if count > 0 {
            sentData()
            // Ahead of the response, so that it needs not stop for it.
            if call.responseGrant == 0, pool.responses.expectsLarge { call.widenResponse(self, stream) }
            call.creditClient(count)
            if call.requestBody.replayCount > worker.limits.maxReplayBytes { call.forgetReplay(worker) }
        }
        guard call.requestBody.isEmpty, call.request.hasEnded else {
            if count > 0 { return .bytes(count) }
            call.upstreamAwaitsBody = true
            return .nothingYet
        }
        return .last(count)
    }

    /// Ends a stream with RST_STREAM at once.
    func cancel(_ stream: StreamID, _ code: ErrorCode) {
        reset(stream, code)
        markDirty()
    }

    // MARK: The response comes in

    override func informationalReceived(_ head: HeaderBlock, on stream: StreamID, _ context: StreamContext) {
        defer { headerBlocks.give(head) }
        let call = context.call
        // gRPC knows no interim responses, and some of its clients take one for the head of the response.
        guard !call.isGRPC, !call.response.hasBegun, case .open(let client, let clientStream) = call.client,
            isShort(head, for: call)
        else { return }
        client.use {
            $0.submitInformational(head, on: clientStream)
            $0.markDirty()
        }
    }

    override func responseReceived(
        _ head: HeaderBlock, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        receivedData()
        let call = context.call
        // The Proxy may have answered meanwhile, and its RST_STREAM may not have left yet.
        if call.response.hasEnded { return headerBlocks.give(head) }
        var head = head
        if !isShort(head, for: call) {
            guard endStream, call.isGRPC, head.has(.grpcStatus) else {
                headerBlocks.give(head)
                return call.end(responseTooLarge(for: call), worker)
            }
            head = cutToStatus(head)
        }
        if call.isGRPC, head.has(.contentLength) { head = withoutLength(head) }
        pool.callSucceeded()
        call.forgetReplay(worker)
        call.responseBegan = worker.loop.now
        call.httpStatus = head.number(of: .status) ?? 0
        if endStream { call.grpcStatus = head.number(of: .grpcStatus) }
        call.response = endStream ? .ended(trailers: nil) : .streaming
        if case .open(let client, let clientStream) = call.client {
            client.use { $0.sendResponse(head, endStream: endStream, on: clientStream, call) }
        }
        headerBlocks.give(head)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        // A client that doesn't read holds up its own stream, not the other clients' on this connection.
        consumeConnection(bytes.count)
        let call = context.call
        guard case .open = call.client, !call.response.hasEnded else {
            return consumeStream(bytes.count, on: stream)
        }
        call.bytesDown += bytes.count
        call.lastMoved = worker.loop.now
        if call.bytesDown > (streamWindow + call.responseGrant) / 2 { call.widenResponse(self, stream) }
        if call.responseBody.isEmpty { call.undeliveredSince = worker.loop.now }
        call.responseBody.append(bytes, from: chunks)
        call.resumeClient()
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        if !context.call.response.hasEnded { finishResponse(of: context.call, trailers: nil) }
    }

    override func trailersReceived(_ trailers: HeaderBlock, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        let call = context.call
        if call.response.hasEnded { return headerBlocks.give(trailers) }
        var trailers = trailers
        if !isShort(trailers, for: call) {
            guard call.isGRPC, trailers.has(.grpcStatus) else {
                headerBlocks.give(trailers)
                return call.end(responseTooLarge(for: call), worker)
            }
            trailers = cutToStatus(trailers)
        }
        if trailers.has(.contentLength) { trailers = withoutLength(trailers) }
        call.grpcStatus = trailers.number(of: .grpcStatus)
        finishResponse(of: call, trailers: trailers)
    }

    // MARK: Header lists that don't pass as they are

    /// Whether a list is within the limits, here and at the call's client: it may end its connection for a longer one.
    private func isShort(_ list: HeaderBlock, for call: Call) -> Bool {
        guard !list.isTruncated, case .open(let client, _) = call.client else { return !list.isTruncated }
        return list.listSize <= client.use { $0.peerMaxHeaderListSize }
    }

    private func responseTooLarge(for call: Call) -> Failure {
        let limits = worker.limits
        guard case .open(let client, _) = call.client else { return .responseTooLarge(pool.name, limits) }
        return .responseTooLarge(pool.name, limits, client: client.use { $0.peerMaxHeaderListSize })
    }

    /// How a call has ended is passed on even where what else is said of it takes too much.
    private func cutToStatus(_ list: HeaderBlock) -> HeaderBlock {
        worker.reached(.responseTrailers)
        let own = headerBlocks.own(list)
        own.removeAllButStatus()
        return own
    }

    /// gRPC counts its messages itself: without a length none is wrong, were the response cut short by whomever.
    private func withoutLength(_ list: HeaderBlock) -> HeaderBlock {
        let own = headerBlocks.own(list)
        own.removeAll(of: .contentLength)
        return own
    }

    private func finishResponse(of call: Call, trailers: HeaderBlock?) {
        call.response = .ended(trailers: trailers)
        pool.responses.take(isLarge: call.bytesDown > streamWindow)
        // What is left waits for the client's window, were it for the trailers alone.
        call.undeliveredSince = call.undeliveredSince ?? worker.loop.now
        call.resumeClient()
    }

    // MARK: The end of a stream

    override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        context.call.upstreamReset = code
    }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        let call = context.call
        closeLeg(of: call)
        pool.roomWasMade()
        guard case .open(let client, let clientStream) = call.client else { return worker.finishIfOver(call) }
        if call.response.hasEnded {
            // What the client still sends has nowhere to go; its stream ends when it has the whole response.
            return call.dropRequestBody(worker)
        }
        if code == .refusedStream, call.canBePlacedAgain {
            call.hasBeenRetried = true
            call.upstreamReset = nil
            worker.countRetry(of: call)
            return worker.placeAgain(call)
        }
        if code == .refusedStream, !call.response.hasBegun {
            call.fail(Failure(kind: .lost, message: "\(pool.name) refused the call unprocessed"), worker)
        } else if call.upstreamReset != nil {
            call.dropRequestBody(worker)
            client.use { $0.cancel(clientStream, code) }
        } else {
            call.fail(Failure(kind: .malformedResponse, message: "\(pool.name) sent a malformed response"), worker)
        }
    }

    private func closeLeg(of call: Call) {
        removeCall(at: call.indexOnUpstream) { $0.indexOnUpstream = call.indexOnUpstream }
        call.upstream = .closed
    }
}

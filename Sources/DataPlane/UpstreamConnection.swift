import Connections
import EventLoop
import Ground
import HTTP2
import TLS

/// A connection to an endpoint, shared by many calls: requests go out, responses come in.
final class UpstreamConnection: Connection {
    enum Phase {
        /// The socket isn't connected yet.
        case connecting
        /// The upstream's SETTINGS haven't come yet: only they show that it speaks HTTP/2, and how many streams it
        /// takes.
        case handshaking
        case ready
        /// Much of the reset budget is used: open streams go on, and no new ones begin until it has recovered.
        case resting
        /// The upstream has sent GOAWAY: open streams go on, and no new ones begin.
        case goingAway
    }

    /// A counted reference; the cycle ends when the connection closes and its worker releases it.
    let worker: Worker
    /// Calls with a leg on this connection; each knows its index here.
    var calls: [Lent<Call>] = []
    var phase = Phase.connecting
    let pool: EndpointPool
    let address: SocketAddress
    /// Bytes of the window that each stream begins with.
    let streamWindow: Int
    /// Bytes of the largest header list that the endpoint announces it takes.
    private(set) var mostListBytes = Int.max
    var share = SendShare()
    /// Calls whose requests haven't been sent to their end; they share the connection's window.
    var sendingCalls = 0
    /// Calls that wait so that others can send. Each has `isHeldBack` set.
    var heldBack: [Lent<Call>] = []
    private var keepalive = Keepalive()
    private var proof = ProofOfLife()
    var resets: UpstreamResetBudget
    /// Number of calls whose stream is to be reset and hasn't been yet.
    var dueResets = 0
    var loss = UpstreamLoss()

    init(to address: SocketAddress, pool: EndpointPool, worker: Worker) throws {
        self.worker = worker
        self.pool = pool
        self.address = address
        streamWindow = worker.limits.upstreamStreamWindow
        resets = UpstreamResetBudget(limit: worker.limits.upstreamResets, window: Self.resetWindow)
        let settings = SessionSettings(
            streamWindow: Int32(streamWindow), connectionWindow: Int32(worker.limits.sharedWindow),
            maxHeaderListSize: UInt32(worker.limits.maxHeaderListSize),
            maxHeaderFields: worker.limits.maxHeaderFields)
        try super.init(
            role: .client, transport: worker.transport(to: address, of: pool.endpoint), peerAddress: address,
            settings: settings, host: worker.host, interest: .writable)
        worker.add(self)
    }

    /// Whether one more call fits: into the peer's limit of streams, and its request into the connection's window.
    func hasRoom() -> Bool {
        guard case .ready = phase, !isSilent else { return false }
        return calls.count < min(peerMaxConcurrentStreams, worker.limits.maxUpstreamStreams)
            && !share.isFull(left: peerWindow, now: worker.loop.now)
    }

    /// Whether it doesn't answer, and its endpoint fails its health checks besides: new calls would wait in vain.
    var isSilent: Bool {
        !pool.isHealthy && proof.isMissing(lastReceived: lastReceived, now: worker.loop.now)
    }

    /// Asks the upstream whether it is still there, as its health checks fail.
    func prove() {
        if proof.isDue(now: worker.loop.now) { submit(.keepalive) }
    }

    /// Whether it takes no new calls any more.
    var isGoingAway: Bool {
        if case .goingAway = phase { true } else { false }
    }

    /// The time over which servers count resets (swift-nio-http2, Netty).
    private static let resetWindow = Duration.seconds(30)

    // MARK: Connecting

    override func ready(_ readiness: Readiness) {
        guard case .connecting = phase else { return super.ready(readiness) }
        guard isConnected(readiness) else { return }
        phase = .handshaking
        beginAsClient()
    }

    override func settingsReceived() {
        mostListBytes = peerMaxHeaderListSize
        switch phase {
        // Without room for a single stream the connection is of no use yet; later SETTINGS may make some.
        case .handshaking where peerMaxConcurrentStreams > 0:
            phase = .ready
            share.saw(left: peerWindow)
            pool.connectionIsReady(self)
        case .ready:
            takeBackUnsent()
            pool.roomWasMade()
        case .resting: takeBackUnsent()
        case .connecting, .handshaking, .goingAway: break
        }
    }

    /// Places calls anew that the upstream hasn't heard of, as it now takes fewer streams than announced: here they
    /// might wait as long as the calls before them last.
    private func takeBackUnsent() {
        let most = peerMaxConcurrentStreams
        guard calls.count > most else { return }
        var unsent: [(stream: StreamID, call: Call)] = []
        for call in calls {
            if case .open(_, let stream) = call.object.upstream, stream > latestStreamSent {
                unsent.append((stream, call.object))
            }
        }
        unsent.sort { $0.stream < $1.stream }
        let room = max(0, most - (calls.count - unsent.count))
        // The call to be placed first comes last.
        for (stream, call) in unsent.dropFirst(room).reversed() {
            withdraw(stream)
            closeLeg(of: call)
            worker.book.placeAgain(call)
        }
        markDirty()
    }

    override func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) {
        loss.saidGoAway(code)
        switch phase {
        case .connecting, .goingAway: return
        case .handshaking: close("the upstream sent GOAWAY (\(code)) at once")
        case .ready, .resting: beginGoingAway()
        }
    }

    func beginGoingAway() {
        phase = .goingAway
        pool.connectionLeaves(self)
    }

    override func lost(_ reason: String) {
        defer { worker.remove(self) }
        switch phase {
        case .connecting, .handshaking: pool.connectionFailed(self, reason)
        case .ready, .resting, .goingAway: pool.connectionLeaves(self)
        }
        let reason = loss.reason ?? reason
        while let call = calls.last?.object {
            let isUnsent = if case .open(_, let stream) = call.upstream { stream > latestStreamSent } else { false }
            closeLeg(of: call)
            guard case .open = call.client, !call.response.hasEnded else {
                call.dropRequestBody(worker)
                worker.finishIfOver(call)
                continue
            }
            if isUnsent, call.canBePlacedAgain {
                // Nothing of the call has left the Proxy.
                worker.book.retry(call)
                continue
            }
            lose(call, reason)
        }
        reportLoss(reason)
    }

    // MARK: The sweep

    override func sweep(_ now: MonotonicTime) {
        super.sweep(now)
        if isOpen { sweepResets(now) }
        guard isOpen else { return }
        // An upstream that counts badly never reads what was sent for calls that are over, and gives no credit for it.
        if case .ready = phase, calls.isEmpty, peerWindow < SendShare.exhausted {
            return close("its window is used up")
        }
        guard !calls.isEmpty, let silence = worker.limits.upstreamKeepalive else { return }
        let timeout = worker.limits.keepaliveTimeout
        switch keepalive.step(lastReceived: lastReceived, silence: silence, timeout: timeout, now: now) {
        case .nothing: break
        case .sendPing: submit(.keepalive)
        case .dead:
            worker.host.log.count(.upstreamKeepalive)
            close("no answer to a keepalive PING within \(timeout)")
        }
    }

    // MARK: The request goes out

    /// Gives a call its upstream leg on this connection.
    func start(_ call: Call, head: HeaderList) {
        if let refusal = refusal(of: head) {
            call.upstream = .none
            return call.fail(refusal, worker)
        }
        if let deadline = call.ownDeadline, worker.loop.now > deadline {
            // Nobody waits for an answer any more.
            call.upstream = .none
            return call.fail(.deadlineExceeded, worker)
        }
        let isComplete = call.request.hasEnded && call.requestBody.isEmpty
        do {
            let stream = try submitRequest(head, endStream: isComplete, context: call)
            call.upstream = .open(Lent(self), stream)
            call.upstreamAwaitsBody = false
            call.isSending = !isComplete
            if !isComplete { sendingCalls += 1 }
            if case .open(let client, _) = call.client { loss.streamBegan(for: client.use { $0.number }) }
            call.indexOnUpstream = calls.count
            calls.append(Lent(call))
            markDirty()
        } catch {
            // The stream identifiers are used up (RFC 9113, section 5.1.1): only a new connection has more.
            call.upstream = .none
            beginGoingAway()
            submitGoAway()
            markDirty()
            worker.book.placeAgain(call)
        }
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let call = context.call
        // The rest of the request is gone, and what was sent must not look complete.
        if case .due = call.withdrawal { return .nothingYet }
        guard let buffer = unsafe sharePart(of: buffer, for: call, stream) else { return .nothingYet }
        let count = unsafe call.requestBody.read(into: buffer, pool: chunks)
        if count > 0 {
            sentData()
            // The window is widened ahead of the response, so that the response needn't stop for it.
            if call.responseGrant.isNone, pool.responses.expectsLarge { call.widenResponse(self, stream) }
            call.creditClient(count)
            if call.requestBody.replayCount > worker.limits.maxReplayBytes { call.forgetReplay(worker) }
        }
        guard call.requestBody.isEmpty, call.request.hasEnded else {
            if count > 0 { return .bytes(count) }
            call.upstreamAwaitsBody = true
            return .nothingYet
        }
        stoppedSending(call)
        return .last(count)
    }

    override func connectionCredited(_ count: Int) {
        share.saw(left: peerWindow)
        resumeHeldBack()
        pool.roomWasMade()
    }

    override func streamCredited(_ count: Int, on stream: StreamID, _ context: StreamContext) {
        if context.call.isHeldBack { resumeHeldBack() }
    }

    // MARK: The response comes in

    override func informationalReceived(_ head: HeaderList, on stream: StreamID, _ context: StreamContext) {
        let head = headerLists.removing(.proxyOwned, from: head)
        defer { headerLists.give(head) }
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
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        receivedData()
        let call = context.call
        // The Proxy may have answered meanwhile, and its RST_STREAM may not have left yet.
        if call.response.hasEnded { return headerLists.give(head) }
        var head = head
        if !isShort(head, for: call) {
            guard endStream, call.isGRPC, head.has(.grpcStatus) else {
                headerLists.give(head)
                return call.end(responseTooLarge(for: call), worker)
            }
            head = cutToStatus(head)
        }
        // gRPC delimits its messages itself, and a length would be wrong if anyone cut the response short.
        if call.isGRPC { head = headerLists.removing(.contentLength, from: head) }
        head = announced(headerLists.removing(.proxyOwned, from: head), for: call)
        pool.callSucceeded()
        call.forgetReplay(worker)
        call.responseBegan = worker.loop.now
        call.httpStatus = head.number(of: .status) ?? 0
        if endStream { call.grpcStatus = head.number(of: .grpcStatus) }
        call.response = endStream ? .ended(trailers: nil) : .streaming
        call.copy?.liveBegan(head)
        if endStream { call.liveEnded(worker) }
        if case .open(let client, let clientStream) = call.client {
            client.use { $0.sendResponse(head, endStream: endStream, on: clientStream, call) }
        }
        headerLists.give(head)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        creditConnection(bytes.count)
        let call = context.call
        guard case .open = call.client, !call.response.hasEnded else {
            // A stream that waits for its reset beyond its time gets no more window.
            if case .due(_, let due) = call.withdrawal, due <= worker.loop.now { return }
            return consumeStream(bytes.count, on: stream)
        }
        if call.bytesDown == 0 { call.firstDown = unsafe FirstMessage(bytes) }
        call.bytesDown += bytes.count
        call.lastMoved = worker.loop.now
        if call.responseBody.isEmpty { call.undeliveredSince = worker.loop.now }
        unsafe call.responseBody.append(bytes, from: chunks)
        call.resumeClient()
        if let copy = call.copy { unsafe copy.liveReceived(bytes) }
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        if !context.call.response.hasEnded { finishResponse(of: context.call, trailers: nil) }
    }

    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        let call = context.call
        if call.response.hasEnded { return headerLists.give(trailers) }
        var trailers = trailers
        if !isShort(trailers, for: call) {
            guard call.isGRPC, trailers.has(.grpcStatus) else {
                headerLists.give(trailers)
                return call.end(responseTooLarge(for: call), worker)
            }
            trailers = cutToStatus(trailers)
        }
        trailers = headerLists.removing(.contentLength, from: trailers)
        trailers = headerLists.removing(.proxyOwned, from: trailers)
        call.grpcStatus = trailers.number(of: .grpcStatus)
        finishResponse(of: call, trailers: trailers)
    }

    private func finishResponse(of call: Call, trailers: HeaderList?) {
        call.response = .ended(trailers: trailers)
        call.liveEnded(worker)
        pool.responses.take(isLarge: call.bytesDown > streamWindow)
        call.lastMoved = worker.loop.now
        // The rest waits for the client's window, even if only trailers are left.
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
            // What the client still sends has nowhere to go; its stream ends once it has the whole response.
            return call.dropRequestBody(worker)
        }
        if code == .refusedStream, call.canBePlacedAgain {
            call.upstreamReset = nil
            return worker.book.retry(call)
        }
        if code == .refusedStream, !call.response.hasBegun {
            call.fail(ProxyAnswer(kind: .lost, message: "\(pool.name) refused the call unprocessed"), worker)
        } else if call.upstreamReset != nil {
            call.copy?.liveEnded(status: code.grpcStatus.rawValue, now: worker.loop.now)
            call.dropRequestBody(worker)
            if call.response.hasBegun {
                call.cutShort(code, worker)
            } else {
                client.use { $0.cancel(clientStream, code) }
            }
        } else if code == .refusedStream || loss.reason != nil || endedFor != nil {
            // The upstream's GOAWAY names an earlier stream, or the session is over: this stream is not to blame.
            lose(call, loss.reason ?? "the upstream has gone away")
        } else {
            countReset(worker.loop.now)
            call.fail(ProxyAnswer(kind: .malformedResponse, message: "\(pool.name) sent a malformed response"), worker)
        }
    }

    /// Takes a call off this connection.
    func closeLeg(of call: Call) {
        calls.remove(at: call.indexOnUpstream) { $0.indexOnUpstream = call.indexOnUpstream }
        if call.isHeldBack {
            call.isHeldBack = false
            heldBack.removeAll { $0.use { $0 === call } }
        }
        if case .due = call.withdrawal { dueResets -= 1 }
        call.withdrawal = .none
        call.upstream = .closed
        stoppedSending(call)
    }
}

import EventLoop
import Ground
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
        /// Much of its budget of resets is used: open streams go on, no new ones until that is forgotten.
        case resting
        /// The upstream has sent GOAWAY: open streams go on, no new ones.
        case goingAway
    }

    private var phase = Phase.connecting
    let pool: EndpointPool
    let address: SocketAddress
    /// The window that streams begin with.
    let streamWindow: Int
    /// How large a header list the endpoint takes, as it says itself.
    private var mostListBytes = Int.max
    private var share = SendShare()
    /// Calls whose requests haven't been sent to their end: between them the connection's window is shared.
    private(set) var sendingCalls = 0
    /// Calls that wait so that others can send. Each knows that it is here.
    private(set) var heldBack: [Lent<Call>] = []
    /// When the keepalive PING was sent that isn't answered yet.
    private var pingSent: MonotonicTime?
    private var resets: UpstreamResetBudget
    /// Calls whose stream is to be reset and isn't yet.
    private(set) var dueResets = 0
    /// The code of the GOAWAY that the upstream has sent.
    private var goAway: ErrorCode?
    /// Calls that failed because the upstream has gone away.
    private var lostCalls = 0
    /// Whose stream is the newest, and what it was called if it has left.
    private var newestClient: UInt64 = 0
    private var newestClientName: String?

    init(to address: SocketAddress, pool: EndpointPool, worker: Worker) throws {
        self.pool = pool
        self.address = address
        streamWindow = worker.limits.upstreamStreamWindow
        resets = UpstreamResetBudget(limit: worker.limits.upstreamResets, window: Self.resetWindow)
        let settings = SessionSettings(
            streamWindow: Int32(streamWindow), connectionWindow: Int32(worker.limits.sharedWindow),
            maxHeaderListSize: UInt32(worker.limits.maxHeaderListSize),
            maxHeaderFields: worker.limits.maxHeaderFields)
        let socket = try worker.connect(address)
        socket.setKeepAlive()
        let tls = try worker.upstreamTLS.map {
            try TLSConnection(client: socket, host: pool.endpoint.host, context: $0, records: worker.records)
        }
        try super.init(
            role: .client, transport: Transport(socket, tls: tls), peerAddress: address, settings: settings,
            worker: worker, interest: .writable)
        worker.add(self)
    }

    /// Whether one more call fits: into the peer's limit of streams, and its request into the connection's window.
    func hasRoom() -> Bool {
        guard case .ready = phase else { return false }
        return calls.count < min(peerMaxConcurrentStreams, worker.limits.maxStreamsPerUpstreamConnection)
            && !share.isFull(left: peerWindow, now: worker.loop.now)
    }

    /// Within which time servers count resets (swift-nio-http2, Netty).
    private static let resetWindow = Duration.seconds(30)

    // MARK: Connecting

    override func ready(_ readiness: Readiness) {
        if case .connecting = phase {
            if let error = transport.socket.connectionError() { return close(error.reason) }
            guard readiness.contains(.writable) else { return }
            phase = .handshaking
            if !transport.isSecured { return shakeHands() }
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
            share.saw(left: peerWindow)
            pool.connectionIsReady(self)
        case .ready:
            takeBackUnsent()
            pool.roomWasMade()
        case .resting: takeBackUnsent()
        case .connecting, .handshaking, .goingAway: break
        }
    }

    /// The upstream takes fewer streams than it had said: calls of which it hasn't heard yet are placed anew, as they might
    /// wait here for as long as those before them last.
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
        // What is to be placed first comes last.
        for (stream, call) in unsent.dropFirst(room).reversed() {
            withdraw(stream)
            closeLeg(of: call)
            worker.book.placeAgain(call)
        }
        markDirty()
    }

    override func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) {
        if goAway == nil || code != .noError { goAway = code }
        switch phase {
        case .connecting, .goingAway: return
        case .handshaking: close("the upstream sent GOAWAY (\(code)) at once")
        case .ready, .resting: beginGoingAway()
        }
    }

    private func beginGoingAway() {
        phase = .goingAway
        pool.connectionIsGoingAway(self)
    }

    override func lost(_ reason: String) {
        defer { worker.remove(self) }
        switch phase {
        case .connecting, .handshaking: pool.connectionFailed(self, reason)
        case .ready, .resting, .goingAway: pool.connectionIsLost(self)
        }
        let reason = lossReason ?? reason
        while let call = calls.last?.object {
            let isUnsent = if case .open(_, let stream) = call.upstream { stream > latestStreamSent } else { false }
            closeLeg(of: call)
            guard case .open = call.client, !call.response.hasEnded else {
                call.dropRequestBody(worker)
                worker.finishIfOver(call)
                continue
            }
            if isUnsent, call.canBePlacedAgain {
                // Nothing of it has left the Proxy.
                worker.book.retry(call)
                continue
            }
            lose(call, reason)
        }
        reportLoss(reason)
    }

    /// Why the upstream ends the connection, if it has said so.
    private var lossReason: String? {
        guard let goAway, goAway != .noError else { return nil }
        return "the upstream sent GOAWAY (\(goAway))"
    }

    private func lose(_ call: Call, _ reason: String) {
        lostCalls += 1
        pool.countFailure()
        call.fail(ProxyAnswer(kind: .lost, message: "\(pool.name) was lost during the call: \(reason)"), worker)
    }

    /// One line for a connection that has cost somebody a call, or was ended for something done on it.
    private func reportLoss(_ reason: String) {
        guard lostCalls > 0 || lossReason != nil else { return }
        let newest = newestClientName ?? worker.clientName(newestClient) ?? "unknown"
        worker.log.reportPaced(
            .warning, "a connection to an upstream is lost",
            [
                ("color", pool.color.name), ("endpoint", pool.endpoint.description), ("reason", reason),
                ("calls", String(lostCalls)), ("newest_peer", newest),
            ], now: worker.loop.now)
    }

    /// A client leaves: this is how it is called, should its stream turn out to be what the upstream ended for.
    func clientLeaves(_ number: UInt64, _ name: String) {
        if number == newestClient { newestClientName = name }
    }

    // MARK: Keepalive

    override func sweep(_ now: MonotonicTime) {
        super.sweep(now)
        if isOpen { sweepResets(now) }
        guard isOpen else { return }
        // What was sent for calls that are over is never read any more, by an upstream that counts badly.
        if case .ready = phase, calls.isEmpty, peerWindow < SendShare.exhausted {
            return close("its window is used up")
        }
        guard !calls.isEmpty, let keepalive = worker.limits.upstreamKeepalive else { return }
        if let sent = pingSent {
            if lastReceived > sent {
                pingSent = nil
            } else if now > sent + worker.limits.keepaliveTimeout {
                worker.log.count(.upstreamKeepalive)
                close("no answer to a keepalive PING within \(worker.limits.keepaliveTimeout)")
            }
        } else if now > lastReceived + keepalive {
            pingSent = now
            submit(.keepalive)
        }
    }

    // MARK: The request goes out

    /// Gives a call its upstream leg here.
    func start(_ call: Call, head: HeaderList) {
        if let failure = refusal(of: head) {
            call.upstream = .none
            return call.fail(failure, worker)
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
            if case .open(let client, _) = call.client { note(client.use { $0.number }) }
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

    /// Why a header list is not to be sent here: the endpoint says that it takes none as large. Netty and others end the
    /// connection for one that is larger still.
    private func refusal(of list: HeaderList) -> ProxyAnswer? {
        guard list.listSize > mostListBytes else { return nil }
        return ProxyAnswer(
            kind: .headersTooLarge, message: "\(pool.color) takes no header list over \(mostListBytes) bytes")
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let call = context.call
        // What is left of the request is gone: it must not look like its end.
        if case .due = call.withdrawal { return .nothingYet }
        guard let buffer = unsafe sharePart(of: buffer, for: call, stream) else { return .nothingYet }
        let count = unsafe call.requestBody.read(into: buffer, pool: chunks)
        if count > 0 {
            sentData()
            // Ahead of the response, so that it needs not stop for it.
            if call.responseGrant == .none, pool.responses.expectsLarge { call.widenResponse(self, stream) }
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

    /// The part of a buffer that a call may fill while others send, too; `nil` where it has to wait.
    private func sharePart(
        of buffer: UnsafeMutableRawBufferPointer, for call: Call, _ stream: StreamID
    ) -> UnsafeMutableRawBufferPointer? {
        guard sendingCalls > 1, call.requestBody.count > 0, peerWindow < worker.limits.sharedWindow,
            share.canTell(streamWindow: peerInitialWindow)
        else { return unsafe buffer }
        let unread = max(0, peerInitialWindow - peerWindow(of: stream))
        let asked = min(buffer.count, call.requestBody.count)
        let part = share.share(asked: asked, unread: unread)
        guard part == 0 else {
            return unsafe part < asked ? UnsafeMutableRawBufferPointer(rebasing: buffer[..<part]) : buffer
        }
        if !call.isHeldBack {
            call.isHeldBack = true
            heldBack.append(Lent(call))
        }
        return nil
    }

    private func stoppedSending(_ call: Call) {
        guard call.isSending else { return }
        call.isSending = false
        sendingCalls -= 1
        if sendingCalls == 1 { resumeHeldBack() }
    }

    /// Has the calls asked again that waited for a larger share.
    private func resumeHeldBack() {
        guard !heldBack.isEmpty else { return }
        let calls = heldBack
        heldBack.removeAll(keepingCapacity: true)
        for call in calls {
            call.use { call in
                call.isHeldBack = false
                if case .open(_, let stream) = call.upstream { resume(stream) }
            }
        }
        markDirty()
    }

    override func connectionCredited(_ count: Int) {
        share.saw(left: peerWindow)
        resumeHeldBack()
        pool.roomWasMade()
    }

    override func streamCredited(_ count: Int, on stream: StreamID, _ context: StreamContext) {
        if context.call.isHeldBack { resumeHeldBack() }
    }

    private func note(_ client: UInt64) {
        if client != newestClient { (newestClient, newestClientName) = (client, nil) }
    }

    // MARK: Calls that are over before their streams

    /// A call is over, and its stream isn't: the upstream is to be told by RST_STREAM, in good time.
    ///
    /// - One of which it hasn't heard yet is taken back.
    /// - One whose client left at its own deadline is left to the upstream, until the grace is over: it ends such calls by
    ///   itself.
    /// - What is beyond the connection's budget waits until there is room; and where nothing else is left, the connection
    ///   is closed instead.
    func abandon(_ call: Call, _ stream: StreamID, _ code: ErrorCode) {
        guard case .none = call.withdrawal else { return }
        if stream > latestStreamSent {
            withdraw(stream)
            closeLeg(of: call)
            markDirty()
            return pool.roomWasMade()
        }
        let now = worker.loop.now
        let due = call.ownEnd(now, grace: worker.limits.deadlineGrace) ?? now
        if due <= now, resets.allows(now: now) { return reset(call, stream, code, now) }
        call.withdrawal = .due(code, due)
        dueResets += 1
        stoppedSending(call)
    }

    private func reset(_ call: Call, _ stream: StreamID, _ code: ErrorCode, _ now: MonotonicTime) {
        call.withdrawal = .sent
        reset(stream, code)
        markDirty()
        countReset(now)
    }

    private func countReset(_ now: MonotonicTime) {
        resets.record(now: now)
        if case .ready = phase, resets.isHalfUsed(now: now) { pool.connectionIsWorn(self) }
    }

    /// Whether another connection should take this one's place.
    func isWorn() -> Bool {
        guard case .ready = phase else { return false }
        return resets.isHalfUsed(now: worker.loop.now)
    }

    /// Takes no new calls for a while; the pool has another connection for them.
    func rest() {
        guard case .ready = phase else { return }
        phase = .resting
        worker.log.count(.upstreamResets)
    }

    var isResting: Bool {
        if case .resting = phase { true } else { false }
    }

    private func sweepResets(_ now: MonotonicTime) {
        if dueResets > 0 {
            // From the end, as a call that is reset may leave the list.
            for index in calls.indices.reversed() where index < calls.count {
                let call = calls[index].object
                guard case .due(let code, let due) = call.withdrawal, due <= now,
                    case .open(_, let stream) = call.upstream
                else { continue }
                guard resets.allows(now: now) else { break }
                dueResets -= 1
                reset(call, stream, code, now)
            }
        }
        switch phase {
        case .resting where calls.isEmpty: leave()
        case .ready, .resting, .goingAway:
            // Nobody waits for what is left here: its end tells the upstream as much as resets would.
            if dueResets > 0, dueResets == calls.count, !resets.allows(now: now) { return leave() }
            if case .resting = phase, resets.isUnused(now: now) {
                phase = .ready
                pool.roomWasMade()
            } else if isWorn() {
                pool.connectionIsWorn(self)
            }
        case .connecting, .handshaking: break
        }
    }

    /// Ends the connection, on which nobody's call is left.
    private func leave() {
        beginGoingAway()
        closeAfterGoAway()
    }

    // MARK: The response comes in

    override func informationalReceived(_ head: HeaderList, on stream: StreamID, _ context: StreamContext) {
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
        headerLists.give(head)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        creditConnection(bytes.count)
        let call = context.call
        guard case .open = call.client, !call.response.hasEnded else {
            // What waits to be reset beyond its time gets no more of a window.
            if case .due(_, let due) = call.withdrawal, due <= worker.loop.now { return }
            return consumeStream(bytes.count, on: stream)
        }
        call.bytesDown += bytes.count
        call.lastMoved = worker.loop.now
        if call.responseBody.isEmpty { call.undeliveredSince = worker.loop.now }
        unsafe call.responseBody.append(bytes, from: chunks)
        call.resumeClient()
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
        if trailers.has(.contentLength) { trailers = withoutLength(trailers) }
        call.grpcStatus = trailers.number(of: .grpcStatus)
        finishResponse(of: call, trailers: trailers)
    }

    // MARK: Header lists that don't pass as they are

    /// Whether a list is within the limits, here and at the call's client: it may end its connection for a longer one.
    private func isShort(_ list: HeaderList, for call: Call) -> Bool {
        guard !list.isTruncated, case .open(let client, _) = call.client else { return !list.isTruncated }
        return list.listSize <= client.use { $0.peerMaxHeaderListSize }
    }

    private func responseTooLarge(for call: Call) -> ProxyAnswer {
        let limits = worker.limits
        guard case .open(let client, _) = call.client else { return .responseTooLarge(pool.color.name, limits) }
        return .responseTooLarge(pool.color.name, limits, client: client.use { $0.peerMaxHeaderListSize })
    }

    /// How a call has ended is passed on even where what else is said of it takes too much.
    private func cutToStatus(_ list: HeaderList) -> HeaderList {
        worker.log.count(.responseTrailers)
        let own = headerLists.own(list)
        own.removeAllButStatus()
        return own
    }

    /// gRPC counts its messages itself: without a length none is wrong, were the response cut short by whomever.
    private func withoutLength(_ list: HeaderList) -> HeaderList {
        let own = headerLists.own(list)
        own.removeAll(of: .contentLength)
        return own
    }

    private func finishResponse(of call: Call, trailers: HeaderList?) {
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
            call.upstreamReset = nil
            return worker.book.retry(call)
        }
        if code == .refusedStream, !call.response.hasBegun {
            call.fail(ProxyAnswer(kind: .lost, message: "\(pool.name) refused the call unprocessed"), worker)
        } else if call.upstreamReset != nil {
            call.dropRequestBody(worker)
            if call.response.hasBegun {
                call.cutShort(code, worker)
            } else {
                client.use { $0.cancel(clientStream, code) }
            }
        } else if code == .refusedStream || lossReason != nil || endedFor != nil {
            // Its last stream was an earlier one, or the session is over: nothing that this stream has done.
            lose(call, lossReason ?? "the upstream has gone away")
        } else {
            countReset(worker.loop.now)
            call.fail(ProxyAnswer(kind: .malformedResponse, message: "\(pool.name) sent a malformed response"), worker)
        }
    }

    private func closeLeg(of call: Call) {
        removeCall(at: call.indexOnUpstream) { $0.indexOnUpstream = call.indexOnUpstream }
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

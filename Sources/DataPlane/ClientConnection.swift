import EventLoop
import Ground
import HTTP2
import TLS

/// A client's connection: requests come in, responses go out.
final class ClientConnection: Connection {
    private enum Phase {
        case serving
        /// A GOAWAY that announces the end is on its way; the PING that follows it hasn't been sent.
        case announcing(TimerID)
        /// New streams are still taken until the PING is answered, which shows that the client has seen the GOAWAY.
        case announcedEnd(TimerID)
        /// Streams beyond the last GOAWAY's are ignored; the client knows that they weren't processed.
        case finishing
    }

    /// Whether the client has calls.
    private enum Activity {
        /// It has had none yet.
        case new(since: MonotonicTime)
        case busy
        /// It has none any more; `isTrimmed` says whether what only calls need has been released.
        case idle(since: MonotonicTime, isTrimmed: Bool)
    }

    private var phase = Phase.serving
    private var activity: Activity
    /// The load balancer's header before the client's first byte; `nil` if none is due, and once it is complete.
    private var proxyHeader: ProxyProtocolHeader?
    private(set) var registration: ConnectionRegistry.Registration
    /// The client's number among the worker's clients.
    let number: UInt64
    /// The client's name for the access log, computed once and not for each call.
    private lazy var loggedName = worker.book.logsAccess ? peerName : nil

    /// The identity in the client's certificate; `nil` if the client has shown none, or if nothing uses it.
    private var identity: String?

    /// Window growth for responses to this client, and for its requests.
    var responses: WindowAllowance
    var requests: WindowAllowance

    /// Whether the client is still there whose streams take nothing.
    private var keepalive = Keepalive()
    /// Time of the last search for quiet streams that could leave their share to others.
    private var lookedForQuiet: MonotonicTime?

    private var budget: ClientBudget
    /// Fingerprint of the certificate whose key the client has proven to hold.
    private var fingerprint: String?
    private var pings: PingPolicy
    /// Time at which the client connected, while its SETTINGS are awaited; `nil` once they have come.
    private var awaitsPrefaceSince: MonotonicTime?
    /// Time without a call after which a connection counts as idle: long enough that the next call seldom pays for the
    /// trimming.
    private static let trimDelay = Duration.seconds(2)
    /// A deadline below this may pass before the turn begins in which its call is taken in.
    private static let shortDeadline = Duration.milliseconds(10)

    init(
        transport: Transport, peerAddress: SocketAddress?,
        registration: ConnectionRegistry.Registration, worker: Worker
    ) throws(SystemError) {
        self.registration = registration
        let limits = worker.limits
        let now = worker.loop.now
        // A peer known by its address alone gets its remaining budget with the first SETTINGS, so no further ones are
        // needed.
        let isKnown =
            transport.isSecured && !limits.proxyProtocol.contains(peerAddress)
            && !limits.trustedPeers.contains(peerAddress)
        budget = ClientBudget(
            limits, left: isKnown ? worker.peers.left(of: Peer(peerAddress), now: now) : nil, now: now)
        let settings = SessionSettings(
            maxConcurrentStreams: UInt32(budget.announced),
            streamWindow: Int32(limits.streamWindow),
            connectionWindow: Int32(max(limits.sharedWindow, limits.streamWindow)),
            maxHeaderListSize: UInt32(limits.maxHeaderListSize), maxHeaderFields: limits.maxHeaderFields)
        responses = WindowAllowance(
            base: limits.upstreamStreamWindow, full: limits.streamWindow, most: limits.mostGrownWindows, isEarned: true)
        // An upstream that has taken what came is proof enough: no bytes that it leaves unread were sent in vain.
        requests = WindowAllowance(
            base: limits.streamWindow, full: limits.streamWindow, most: limits.mostGrownWindows, isEarned: false)
        pings = PingPolicy(minimumInterval: limits.minPingInterval)
        awaitsPrefaceSince = now
        activity = .new(since: now)
        number = worker.nextClientNumber()
        if limits.proxyProtocol.contains(peerAddress) { proxyHeader = ProxyProtocolHeader() }
        try super.init(
            role: .server, transport: transport, peerAddress: peerAddress, settings: settings, worker: worker,
            interest: .readable)
        // The first SETTINGS wait for the client's own, which every client sends at once: they go out with the answer.
    }

    override func secured() {
        guard let proven = transport.peerIdentity else { return }
        fingerprint = proven.fingerprint
        if worker.book.logsAccess || worker.forwardsClientIdentity { identity = proven.forwardedClientCertificate }
    }

    // MARK: Connections through a load balancer

    override func ready(_ readiness: Readiness) {
        // The client's bytes follow the header, and may be there already.
        if proxyHeader != nil { guard readProxyHeader() else { return } }
        super.ready(readiness)
    }

    /// - Returns: whether the header is complete and the client's bytes come next.
    private func readProxyHeader() -> Bool {
        while let missing = proxyHeader?.missing {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: worker.input[..<min(missing, worker.input.count)])
            switch unsafe transport.socket.read(into: room) {
            case .wouldBlock: return false
            case .end:
                close("the load balancer has closed the connection")
                return false
            case .failed(let error):
                close(error.reason)
                return false
            case .bytes(let count):
                switch unsafe proxyHeader?.take(UnsafeRawBufferPointer(rebasing: room[..<count])) {
                case nil: continue
                case .own?: proxyHeader = nil
                case .proxied(let address)?:
                    proxyHeader = nil
                    beNamed(address)
                case .refused(let reason)?:
                    self.count(.proxyProtocol, reason)
                    close(reason)
                    return false
                }
            }
        }
        return true
    }

    /// Takes the client's address from the load balancer's header.
    private func beNamed(_ address: SocketAddress) {
        peerAddress = address
        if let former = registration.share {
            registration.registry.left(former)
            registration.share = nil
        }
        guard !worker.limits.trustedPeers.contains(address) else { return }
        let share = Peer(address)
        registration.share = share
        registration.registry.named(share, on: worker) { [worker, id = ObjectIdentifier(self)] in
            worker.refuse(id, share)
        }
    }

    /// Closes the connection, as its peer has the most connections already.
    func refuseShare() {
        report(.warning, "refusing a connection of the peer that has most", of: .peerConnections)
        close("the peer has most of the connections")
    }

    /// Time since which the connection has had no call; `nil` if it has one and so can't make room.
    var idleSince: MonotonicTime? {
        switch activity {
        case .new(let since), .idle(let since, _): since
        case .busy: nil
        }
    }

    /// Ends this connection, which has no call, in favor of another peer's.
    func makeRoom() {
        worker.log.count(.peerConnections)
        report(.info, "ending an idle connection of the peer that has most", of: .peerConnections)
        if isWritable { closeAfterGoAway() } else { close("another peer needs the room") }
    }

    override var peer: Peer { fingerprint.map { .identity($0) } ?? Peer(peerAddress) }

    // MARK: The peer's budget

    /// The peer that the memory of this connection's calls is counted for.
    var holder: Peer { budget.account == nil ? .connection(ObjectIdentifier(self)) : peer }

    /// Adds the connection to its peer's account, now that the client has begun to speak.
    private func joinPeer() {
        let limits = worker.limits
        guard budget.account == nil, !limits.trustedPeers.contains(peerAddress) else { return }
        budget.join(
            worker.peers.open(
                peer, capacity: limits.resetBudget, refill: limits.resetRefill, now: worker.loop.now))
        beginWithWhatIsLeft()
    }

    /// Adopts what the peer has left of its budget: before the first SETTINGS go out, and again with the first call, so
    /// that a connection opened in reserve starts with it too.
    private func beginWithWhatIsLeft() {
        guard let beginning = budget.beginWithWhatIsLeft(now: worker.loop.now) else { return }
        if beginning.isNews { tell(ofStreams: beginning.streams) }
        worker.log.count(.peerResets)
        report(
            .warning, "a connection begins with few streams, as its peer has had many reset", of: .peerResets,
            [("streams", String(beginning.streams))])
    }

    private func tell(ofStreams count: Int) {
        announce(maxConcurrentStreams: count)
        markDirty()
    }

    private func endedCleanly(_ call: Call) {
        guard !call.isRefusedAsItCame else { return }
        budget.endedCleanly()
        if budget.isReduced, let more = budget.earnMore(now: worker.loop.now) { tell(ofStreams: more) }
    }

    /// Charges the budgets for a call that was given up, by a reset or with the connection.
    ///
    /// - Returns: whether the connection may go on.
    private func endedUncleanly(_ call: Call) -> Bool {
        guard call.upstreamReset == nil, call.proxyAnswer == nil || call.isRefusedAsItCame else { return true }
        let now = worker.loop.now
        if !call.isRefusedAsItCame, let deadline = call.ownDeadline,
            budget.forgives(deadline, began: call.began, now: now)
        {
            return true
        }
        return budget.endedUncleanly(now: now)
    }

    // MARK: The request comes in

    override func requestBegan(on stream: StreamID) -> StreamContext {
        let call = Call(
            client: self, stream: stream, began: worker.loop.now, clientName: loggedName, clientIdentity: identity)
        call.indexOnClient = calls.count
        calls.append(Lent(call))
        worker.book.keep(call)
        if case .new = activity { beginWithWhatIsLeft() }
        activity = .busy
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
        let head = withIdentity(head)
        call.callProtocol = CallProtocol(ofRequest: head)
        if !call.isGRPC {
            call.isHead = unsafe head.withValue(of: .method) { unsafe $0.elementsEqual("HEAD".utf8) } ?? false
        }
        call.requestHead = head
        call.request = endStream ? .ended(trailers: nil) : .streaming
        if let timeout = unsafe head.withValue(of: .grpcTimeout, { unsafe GRPCTimeout.parse($0) }) ?? nil {
            setDeadline(call, timeout)
        }
        worker.begin(call)
        if head.isTruncated {
            call.fail(.headersTooLarge(worker.limits), worker)
        } else if !hasPath, !head.has(.path) {
            // Only CONNECT has no path. The Proxy makes no tunnels, and without a path there is no upstream to choose.
            call.fail(ProxyAnswer(kind: .unsupportedMethod, message: "the proxy makes no tunnels"), worker)
        } else if unsafe !head.allValues(of: .grpcTimeout, { unsafe GRPCTimeout.parse($0) != nil }) {
            call.fail(ProxyAnswer(kind: .malformedRequest, message: "the call's grpc-timeout is no timeout"), worker)
        } else if call.cameTooLate {
            call.fail(.deadlineExceeded, worker)
        } else if HeldMemory.isShort(worker), worker.memory.refuses(self, worker) {
            call.fail(ProxyAnswer(kind: .overloaded, message: "the proxy holds too much already"), worker)
        } else {
            worker.place(call)
        }
    }

    private func setDeadline(_ call: Call, _ timeout: Duration) {
        let deadline = call.began + timeout
        call.ownDeadline = deadline
        call.deadline = deadline + worker.limits.deadlineGrace
        // The loop's clock shows the time at which the turn began: accurate enough for all but the shortest deadlines.
        call.cameTooLate = timeout < Self.shortDeadline && worker.loop.readClock() >= deadline
    }

    /// Makes the Proxy the only source of the client's identity: what the client claims itself never passes.
    private func withIdentity(_ head: HeaderList) -> HeaderList {
        let head = headerLists.removing(.forwardedClientCertificate, from: head)
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
        guard call.wantsRequestBody else { return consumeStream(bytes.count, on: stream) }
        call.bytesUp += bytes.count
        call.lastMoved = worker.loop.now
        unsafe call.requestBody.append(bytes, from: chunks)
        call.resumeUpstream()
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        context.call.request = .ended(trailers: nil)
        context.call.resumeUpstream()
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

    // MARK: Windows

    override func connectionCredited(_ count: Int) {
        responses.creditCame(count)
    }

    /// Takes window growth from upstream streams that carry nothing, so that others can use it.
    ///
    /// - Returns: whether any was taken.
    func restQuietResponses() -> Bool {
        guard mayLookForQuiet() else { return false }
        let before = responses.inUse
        for call in calls {
            call.use { call in
                guard case .inUse(let size) = call.responseGrant, size > 0, isQuiet(call), call.responseBody.isEmpty,
                    case .open(let upstream, let stream) = call.upstream
                else { return }
                call.responseGrant = responses.rest(size)
                upstream.use {
                    $0.narrow(stream, to: $0.streamWindow)
                    $0.markDirty()
                }
            }
        }
        return responses.inUse < before
    }

    /// Does the same for this client's own streams.
    func restQuietRequests() -> Bool {
        guard mayLookForQuiet() else { return false }
        let before = requests.inUse
        for call in calls {
            call.use { call in
                guard case .inUse(let size) = call.requestGrant, size > 0, isQuiet(call), call.requestBody.isEmpty,
                    case .open(_, let stream) = call.client
                else { return }
                call.requestGrant = requests.rest(size)
                narrow(stream, to: requests.base)
            }
        }
        markDirty()
        return requests.inUse < before
    }

    /// Limits how often quiet streams are searched for, since going through all calls costs more than a turn's share.
    private func mayLookForQuiet() -> Bool {
        let now = worker.loop.now
        if let lookedForQuiet, now < lookedForQuiet + Self.quietTime / 8 { return false }
        lookedForQuiet = now
        return true
    }

    private func isQuiet(_ call: Call) -> Bool { worker.loop.now > call.lastMoved + Self.quietTime }

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
        switch phase {
        case .announcing(let timer), .announcedEnd(let timer): worker.loop.cancel(timer)
        case .serving, .finishing: break
        }
        while let call = calls.last?.object {
            if !call.isAnswered { _ = endedUncleanly(call) }
            call.streamEnd = endedFor.map { .rule($0.rawValue) } ?? .connectionLost
            closeLeg(of: call, .cancel)
        }
        if let account = budget.account { worker.peers.close(account) }
        if let share = registration.share { registration.registry.left(share) }
        worker.clientLeft(self)
    }

    private func closeLeg(of call: Call, _ code: ErrorCode) {
        removeCall(at: call.indexOnClient) { $0.indexOnClient = call.indexOnClient }
        if calls.isEmpty { activity = .idle(since: worker.loop.now, isTrimmed: false) }
        call.dropRequestBody(worker)
        call.giveBackResponseGrant()
        call.giveBackRequestGrant()
        call.client = .closed
        if !call.response.hasEnded || call.responseReset != nil || code != .noError { call.clientReset = code }
        // A code that the Proxy has sent the client is not the client's word to the upstream.
        let isOwnEnd = if case .rule = call.streamEnd { true } else { false }
        call.cancelUpstream(isOwnEnd ? .cancel : code)
        worker.finishIfOver(call)
    }

    /// Ends a stream with RST_STREAM at once.
    func cancel(_ stream: StreamID, _ code: ErrorCode) {
        reset(stream, code)
        markDirty()
    }

    // MARK: Limits

    override func resetSent(_ code: ErrorCode, on stream: StreamID) {
        if code == .refusedStream { worker.log.count(.streams) }
    }

    override func settingsReceived() {
        awaitsPrefaceSince = nil
        joinPeer()
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
            if proxyHeader != nil {
                count(.proxyProtocol, "no PROXY header within \(worker.limits.prefaceTimeout)")
            } else {
                count(.preface, "no HTTP/2 preface and SETTINGS within \(worker.limits.prefaceTimeout)")
            }
            return close("no preface")
        }
        if let since = idleSince {
            if case .idle(_, isTrimmed: false) = activity, now > since + Self.trimDelay { trim(idleSince: since) }
            if let limit = worker.limits.idleTimeout, now > since + limit, case .serving = phase {
                worker.log.count(.idleConnection)
                report(.info, "ending an idle connection", of: .idleConnection, [("after", "\(limit)")])
                beginShutdown()
            }
        }
        if let more = budget.earnMore(now: now) { tell(ofStreams: more) }
        for call in calls { sweep(call.object, now) }
        seeThatPeerIsThere(now)
    }

    /// Sends a PING to a client whose streams take nothing: it may be busy, or gone without a word.
    private func seeThatPeerIsThere(_ now: MonotonicTime) {
        let (silence, timeout) = (worker.limits.writeTimeout, worker.limits.upstreamKeepaliveTimeout)
        let step = keepalive.step(
            lastReceived: lastReceived, silence: silence, timeout: timeout, now: now,
            isWanted: calls.contains { $0.use { isShut($0, for: silence, now) } })
        switch step {
        case .nothing: break
        case .sendPing: submit(.keepalive)
        case .dead: closeAsStalled("no answer to a PING within \(timeout) while its streams take nothing")
        }
    }

    private func isShut(_ call: Call, for time: Duration, _ now: MonotonicTime) -> Bool {
        call.undeliveredSince.map { now > $0 + time } ?? false
    }

    /// Passes on the calls of this connection that have bytes waiting, with the memory they take and the time since
    /// which nothing has been taken.
    func shutCalls(_ add: (Call, _ bytes: Int, _ shutSince: MonotonicTime) -> Void) {
        for call in calls {
            call.use { call in
                guard !call.requestBody.isEmpty || !call.responseBody.isEmpty else { return }
                add(call, call.heldBytes, call.undeliveredSince ?? call.lastMoved)
            }
        }
    }

    /// Ends a call because of the memory that it takes.
    func endForMemory(_ call: Call) {
        worker.log.count(.memory)
        let failure = ProxyAnswer(
            kind: .memory, message: "the proxy is short of memory, and this call has waited longest")
        if call.response.hasBegun {
            // The waiting bytes have no way out, and trailers would have to wait behind them.
            call.proxyAnswer = call.proxyAnswer ?? failure
            guard case .open(_, let stream) = call.client else { return }
            if case .ended(let trailers?) = call.response { headerLists.give(trailers) }
            call.response = .ended(trailers: nil)
            // If the session asks for more of the response, the response must not look complete.
            call.responseReset = .enhanceYourCalm
            call.dropRequestBody(worker)
            call.forgetReplay(worker)
            call.cancelUpstream(.cancel)
            call.responseBody.removeAll(to: chunks)
            cancel(stream, .enhanceYourCalm)
        } else {
            call.end(failure, worker)
        }
    }

    private func trim(idleSince since: MonotonicTime) {
        activity = .idle(since: since, isTrimmed: true)
        calls = []
        trimMemory()
    }

    private func sweep(_ call: Call, _ now: MonotonicTime) {
        let limits = worker.limits
        // Its head was still queued when the response was cut short, and a stream without window isn't asked for more.
        if call.responseReset != nil, case .open(_, let stream) = call.client { endCutShort(stream, call) }
        if let deadline = call.deadline, now > deadline, !call.response.hasEnded {
            call.deadline = nil
            call.end(.deadlineExceeded, worker)
        } else if let since = call.undeliveredSince, call.proxyAnswer != nil, now > since + limits.writeTimeout,
            case .open(_, let stream) = call.client
        {
            // The Proxy has ended the call. A client that leaves no window for the answer is told by RST_STREAM, which
            // needs none.
            call.undeliveredSince = now
            worker.log.count(.streamWriteStall)
            report(
                .info, "ending a call whose client leaves no window for its end", of: .streamWriteStall,
                [("after", "\(limits.writeTimeout)")])
            call.streamEnd = .rule(Limit.streamWriteStall.rawValue)
            cancel(stream, .internalError)
        } else if let limit = limits.streamIdleTimeout, now > call.lastMoved + limit, !call.response.hasEnded {
            call.end(ProxyAnswer(kind: .idle, message: "nothing has moved for \(limit)"), worker)
        }
    }

    // MARK: Shutdown (RFC 9113, section 6.8)

    /// Announces the end of the connection in two steps, so that no stream on its way is lost: first a GOAWAY that
    /// covers every stream, and a PING; then, once the PING is answered and everything the client sent unknowing has
    /// arrived, a GOAWAY that names the last stream to be served.
    func beginShutdown() {
        guard case .serving = phase else { return }
        submitShutdownNotice()
        markDirty()
        // libnghttp2 sends a PING ahead of everything else queued, so it is submitted after the GOAWAY has been
        // written.
        phase = .announcing(worker.loop.schedule(after: .milliseconds(1)) { [unowned self] in awaitEndSeen() })
    }

    private func awaitEndSeen() {
        submit(.goAway)
        phase = .announcedEnd(
            worker.loop.schedule(after: worker.limits.goAwayTimeout) { [unowned self] in finishShutdown() })
    }

    override func answered(_ ping: Ping) {
        if case .goAway = ping { finishShutdown() }
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
    /// The call of a stream: the data plane's sessions give libnghttp2 no other context.
    var call: Call { unsafe unsafeDowncast(self, to: Call.self) }
}

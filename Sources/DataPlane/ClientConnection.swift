import EventLoop
import Ground
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

    /// Whether the client has calls.
    private enum Activity {
        /// There was none yet.
        case new(since: MonotonicTime)
        case busy
        /// There is none any more; what only calls need has been let go, or not yet.
        case idle(since: MonotonicTime, isTrimmed: Bool)
    }

    private var phase = Phase.serving
    private var activity: Activity
    /// What a load balancer says before the client's first byte, until it has said so.
    private var proxyHeader: ProxyProtocolHeader?
    private(set) var registration: ConnectionRegistry.Registration
    /// Which of the worker's clients this is.
    let number: UInt64
    /// For the access log: asked for once, not for each call.
    private lazy var loggedName = worker.book.logsAccess ? peerName : nil

    /// Who the client is by its certificate; `nil` for one that has shown none, or where nobody wants to know.
    private var identity: String?

    /// For what comes back to this client, and for what it sends.
    var responses: WindowAllowance
    var requests: WindowAllowance

    /// When a PING was sent to see whether the client is there, which isn't answered yet.
    private var aliveAsked: MonotonicTime?
    /// When streams were looked for last that could leave their share to others.
    private var lookedForQuiet: MonotonicTime?

    private var resets: ResetBudget
    private var deadlines: DeadlineAllowance
    /// The peer's, from the client's SETTINGS on; `nil` for one that is trusted.
    private var account: PeerAccount?
    /// While the client may have fewer streams than others, as its peer's budget for resets is used up.
    private var earnedStreams: EarnedStreams?
    /// The certificate that the client has proven to have.
    private var fingerprint: String?
    private var pings: PingPolicy
    /// Until the client's SETTINGS have come: when it connected.
    private var awaitsPrefaceSince: MonotonicTime?
    /// How long without a call counts as idle: long enough that the next one seldom pays for it.
    private static let trimDelay = Duration.seconds(2)
    /// Which may be over before the turn of the loop is in which a call has come.
    private static let shortDeadline = Duration.milliseconds(10)

    init(
        transport: Transport, peerAddress: SocketAddress?,
        registration: ConnectionRegistry.Registration, worker: Worker
    ) throws(SystemError) {
        self.registration = registration
        let limits = worker.limits
        let now = worker.loop.now
        // Where the peer is known by its address alone, the first SETTINGS have what it has left, and no further ones follow.
        if transport.isSecured, !limits.proxyProtocol.contains(peerAddress), !limits.trustedPeers.contains(peerAddress),
            let left = worker.peers.left(of: Peer(peerAddress), now: now)
        {
            earnedStreams = EarnedStreams(
                left: left, full: limits.maxConcurrentStreams, capacity: limits.resetBudget)
        }
        let settings = SessionSettings(
            maxConcurrentStreams: UInt32(earnedStreams?.announced ?? limits.maxConcurrentStreams),
            streamWindow: Int32(limits.streamWindow),
            connectionWindow: Int32(max(limits.sharedWindow, limits.streamWindow)),
            maxHeaderListSize: UInt32(limits.maxHeaderListSize), maxHeaderFields: limits.maxHeaderFields)
        responses = WindowAllowance(
            base: limits.upstreamStreamWindow, full: limits.streamWindow, most: limits.mostGrownWindows, isEarned: true)
        // That an upstream has taken what came is proof enough: what it leaves lying, nobody has sent for it in vain.
        requests = WindowAllowance(
            base: limits.streamWindow, full: limits.streamWindow, most: limits.mostGrownWindows, isEarned: false)
        resets = ResetBudget(capacity: limits.resetBudget, refill: limits.resetRefill, now: now)
        deadlines = DeadlineAllowance(perSecond: 2 * limits.maxConcurrentStreams, now: now)
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

    // MARK: Whom a load balancer connects for

    override func ready(_ readiness: Readiness) {
        // Behind the header comes the client, whose bytes may be there already.
        if proxyHeader != nil { guard readProxyHeader() else { return } }
        super.ready(readiness)
    }

    /// - Returns: whether the header is complete, and the client is to be heard.
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

    /// The load balancer has said whose connection this is.
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

    /// The peer has most of the connections already.
    func refuseShare() {
        report(.warning, "refusing a connection of the peer that has most", of: .peerConnections)
        close("the peer has most of the connections")
    }

    /// Since when there is no call, for a connection that could make room.
    var idleSince: MonotonicTime? {
        switch activity {
        case .new(let since), .idle(let since, _): since
        case .busy: nil
        }
    }

    /// Ends the connection, which has no call, in favor of another peer's.
    func makeRoom() {
        worker.log.count(.peerConnections)
        report(.info, "ending an idle connection of the peer that has most", of: .peerConnections)
        if isWritable { closeAfterGoAway() } else { close("another peer needs the room") }
    }

    override var peer: Peer { fingerprint.map { .identity($0) } ?? Peer(peerAddress) }

    // MARK: The peer's budget

    /// Whose memory the connection's calls take up.
    var holder: Peer { account == nil ? .connection(ObjectIdentifier(self)) : peer }

    /// The client has begun to speak: from now on it is one of its peer's.
    private func joinPeer() {
        let limits = worker.limits
        guard account == nil, !limits.trustedPeers.contains(peerAddress) else { return }
        account = worker.peers.open(
            peer, capacity: limits.resetBudget, refill: limits.resetRefill, now: worker.loop.now)
        beginWithWhatIsLeft()
    }

    /// Takes over what the peer has left of its budget: before the first SETTINGS go out, and once more with the first call,
    /// as a connection that was opened in store begins with that.
    private func beginWithWhatIsLeft() {
        guard let account else { return }
        let now = worker.loop.now
        let left = max(1, account.resets.left(now: now))
        guard left < resets.left(now: now) else { return }
        resets = ResetBudget(capacity: account.resets.capacity, refill: account.resets.refill, now: now, left: left)
        guard
            let earned = EarnedStreams(
                left: left, full: worker.limits.maxConcurrentStreams, capacity: account.resets.capacity)
        else { return }
        if earnedStreams.map({ $0.announced > earned.announced }) ?? true {
            earnedStreams = earned
            announce(maxConcurrentStreams: earned.announced)
            markDirty()
        }
        worker.log.count(.peerResets)
        report(
            .warning, "a connection begins with few streams, as its peer has had many reset", of: .peerResets,
            [("streams", String(earned.announced))])
    }

    private func grantEarnedStreams() {
        guard let more = earnedStreams?.update(left: resets.left(now: worker.loop.now)) else { return }
        announce(maxConcurrentStreams: more)
        markDirty()
        if earnedStreams?.isFull == true { earnedStreams = nil }
    }

    private func endedCleanly(_ call: Call) {
        guard !call.isRefusedAsItCame else { return }
        resets.endedCleanly()
        account?.resets.endedCleanly()
        if earnedStreams != nil { grantEarnedStreams() }
    }

    /// A call was given up: by a reset, or with the connection.
    ///
    /// - Returns: whether the connection may go on.
    private func endedUncleanly(_ call: Call) -> Bool {
        guard call.upstreamReset == nil, call.proxyAnswer == nil || call.isRefusedAsItCame else { return true }
        let now = worker.loop.now
        if !call.isRefusedAsItCame, let deadline = call.ownDeadline,
            DeadlineAllowance.isOver(deadline, began: call.began, now: now), deadlines.forgives(now: now)
        {
            return true
        }
        account?.resets.endedUncleanly(now: now)
        return resets.endedUncleanly(now: now)
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
            // CONNECT alone has none. No tunnel leads through here, and what has no path has no backend.
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
        // The loop's clock is that of the turn's beginning: most of the time, but not for the shortest of deadlines, that is
        // near enough.
        call.cameTooLate = timeout < Self.shortDeadline && worker.loop.readClock() >= deadline
    }

    /// Who the client is, only the Proxy says: what the client says itself never passes.
    private func withIdentity(_ head: HeaderList) -> HeaderList {
        let head = withoutIdentity(head)
        guard worker.forwardsClientIdentity, let identity else { return head }
        let own = headerLists.own(head)
        own.append("x-forwarded-client-cert", identity)
        headerLists.recount(own)
        return own
    }

    private func withoutIdentity(_ list: HeaderList) -> HeaderList {
        guard list.has(.forwardedClientCertificate) else { return list }
        let own = headerLists.own(list)
        own.removeAll(of: .forwardedClientCertificate)
        return own
    }

    /// Whether a head is sound whose path doesn't begin with a slash (RFC 9113, section 8.3.1): libnghttp2 looks at it for
    /// http and https alone.
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

    /// A request's trailers go no further. gRPC has none, HTTP lets anybody on the way drop them (RFC 9110, section 6.5),
    /// and grpc-go ends the connection for them, as Go's own server does where they cross its RST_STREAM.
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

    /// The response's head, and all of the response where `endStream` says so.
    func sendResponse(_ head: HeaderList, endStream: Bool, on stream: StreamID, _ call: Call) {
        submitResponse(head, endStream: endStream, on: stream, context: call)
        sentData()
        markDirty()
    }

    /// Trailers need no window, but libnghttp2 asks for nothing more while a stream has none.
    ///
    /// - Returns: whether they are on their way: all DATA are, and the client's window is shut.
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
        // The answer is complete, what the client still sends interests nobody (RFC 9113, section 8.1); an upstream that
        // said so with a code of its own is quoted.
        reset(stream, call.upstreamReset ?? .noError)
    }

    // MARK: Windows

    override func connectionCredited(_ count: Int) {
        responses.creditCame(count)
    }

    /// Has streams of upstreams that carry nothing leave their share of what windows may grow to others.
    ///
    /// - Returns: whether there were any.
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

    /// The same for this client's own streams.
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

    /// Going through all calls costs more than a turn's share.
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

    /// Resets a stream whose response is cut short, if the client has all that came of it; otherwise `body(of:_:into:)` will.
    func endCutShort(_ stream: StreamID, _ call: Call) {
        guard let code = call.responseReset, call.responseBody.isEmpty, !hasQueuedHeaders(on: stream) else { return }
        cancel(stream, code)
    }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        let call = context.call
        if code == .noError {
            endedCleanly(call)
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
        if let account { worker.peers.close(account) }
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
        // What the Proxy has told the client is not what the client says to the upstream.
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
        if earnedStreams != nil { grantEarnedStreams() }
        for call in calls { sweep(call.object, now) }
        seeThatPeerIsThere(now)
    }

    /// A client whose streams take nothing may be busy, or gone without a word: a PING tells.
    private func seeThatPeerIsThere(_ now: MonotonicTime) {
        let silence = worker.limits.writeTimeout
        if let sent = aliveAsked {
            if lastReceived > sent {
                aliveAsked = nil
            } else if now > sent + worker.limits.keepaliveTimeout {
                let time = worker.limits.keepaliveTimeout
                closeAsStalled("no answer to a PING within \(time) while its streams take nothing")
            }
            return
        }
        guard now > lastReceived + silence, calls.contains(where: { $0.use { isShut($0, for: silence, now) } }) else {
            return
        }
        aliveAsked = now
        submit(.keepalive)
    }

    private func isShut(_ call: Call, for time: Duration, _ now: MonotonicTime) -> Bool {
        call.undeliveredSince.map { now > $0 + time } ?? false
    }

    /// The calls of this connection for which bytes wait, what they take, and since when nothing has been taken.
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
            // What waits has no way out, and trailers would have to wait behind it.
            call.proxyAnswer = call.proxyAnswer ?? failure
            guard case .open(_, let stream) = call.client else { return }
            if case .ended(let trailers?) = call.response { headerLists.give(trailers) }
            call.response = .ended(trailers: nil)
            // Were it asked for more, it must not look complete.
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
        if let deadline = call.deadline, now > deadline, !call.response.hasEnded {
            call.deadline = nil
            call.end(.deadlineExceeded, worker)
        } else if let since = call.undeliveredSince, call.proxyAnswer != nil, now > since + limits.writeTimeout,
            case .open(_, let stream) = call.client
        {
            // The Proxy has ended the call; whoever leaves no window for that is told without one.
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
    /// The data plane's sessions give libnghttp2 no other context than calls.
    var call: Call { unsafe unsafeDowncast(self, to: Call.self) }
}

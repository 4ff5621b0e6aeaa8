import EventLoop
import Ground
import HTTP2
import TLS

/// A session with its socket: what connections have in common, whoever opened them and whatever they carry.
///
/// Reading hands bytes to the session as they come; writing waits for the end of the loop's turn, so that everything
/// queued in a turn goes out in one system call. Confined to its host's thread.
open class Connection: Session, EventHandler {
    /// How close a connection is to its end.
    package enum Lifecycle {
        case open
        /// The peer has broken a rule: the connection closes as soon as the session's callback has returned.
        case condemned(AbuseRule, reason: String)
        /// The session takes no more input; what is queued still goes out. The rule is the one that the peer broke, if
        /// that is the reason.
        case closing(reason: String, AbuseRule?)
        /// The socket has left the loop.
        case closed(AbuseRule?)
    }

    /// A counted reference; the cycle ends when the connection closes and its host releases it.
    package final let host: ConnectionHost
    /// The host's pool, kept here for direct access.
    package final let chunks: ChunkPool
    package final let transport: Transport
    /// The address that the connection comes from or goes to; `nil` if the connection was gone before it could be asked
    /// for.
    package final var peerAddress: SocketAddress?

    package private(set) final var lifecycle = Lifecycle.open
    /// What is known of a socket that is full; `nil` while it takes bytes.
    private var blocked: Blocked?
    /// The readiness that the loop watches the socket for.
    private var watched: Readiness
    private var isDirty = false
    /// Whether the end of the peer's bytes is known to have come; it is taken in once the output caused by those bytes
    /// has been sent.
    private var awaitsEnd = false
    private var frames: FrameBudget
    /// Time at which the header block now arriving began.
    private var headersBegan: MonotonicTime?
    /// Time at which bytes last came in; before the first, the time at which the connection was made.
    package private(set) final var lastReceived: MonotonicTime
    /// Estimate of the bytes that the peer can have under way to this side.
    package final var bandwidth: BandwidthEstimate

    /// Time without traffic after which a stream's share of the window growth goes to others.
    package static let quietTime = Duration.seconds(1)

    // Public, as the compiler warns of an endless recursion in subclasses of other modules otherwise.
    public init(
        role: Role, transport: Transport, peerAddress: SocketAddress?, settings: SessionSettings, host: ConnectionHost,
        interest: Readiness
    ) throws(SystemError) {
        self.host = host
        chunks = host.chunks
        self.transport = transport
        self.peerAddress = peerAddress
        watched = interest
        lastReceived = host.loop.now
        frames = FrameBudget(capacity: host.limits.controlFrameBudget, now: host.loop.now)
        bandwidth = BandwidthEstimate(most: host.limits.mostGrownWindows)
        super.init(role: role, settings: settings, headerLists: host.headerLists, memory: host.sessionMemory)
        try host.loop.add(transport.socket.descriptor, for: interest, transport.trigger, handler: self)
    }

    // MARK: For subclasses

    /// The connection is over. Called once, after the socket has left the loop; the subclass ends its calls.
    open func lost(_ reason: String) {}

    /// The TLS handshake is done.
    open func secured() {}

    // MARK: Input

    open func ready(_ readiness: Readiness) {
        if !transport.isSecured { return shakeHands() }
        if readiness.contains(.writable) { becameWritable() }
        guard readiness.contains(.readable) || readiness.contains(.broken) else { return }
        read(endFollows: readiness.contains(.ended) || readiness.contains(.broken))
    }

    /// Whether a socket that connects to a peer has done so; one that failed closes the connection.
    package final func isConnected(_ readiness: Readiness) -> Bool {
        guard let error = transport.socket.connectionError() else { return readiness.contains(.writable) }
        close(error.reason)
        return false
    }

    /// Begins to talk to a peer that this side has connected to.
    package final func beginAsClient() {
        if !transport.isSecured { return shakeHands() }
        watch(for: .readable)
        markDirty()
    }

    /// Continues the TLS handshake as far as it goes now.
    package final func shakeHands() {
        switch transport.handshake() {
        case .waits(let interest): watch(for: interest)
        case .failed(let error):
            count(.tlsHandshake, error.description)
            close(error.description)
        case .done:
            secured()
            watch(for: .readable)
            markDirty()
            // The socket doesn't report again what came in with the end of the handshake.
            read()
        }
    }

    /// Takes in what has come.
    ///
    /// - Parameter endFollows: whether the socket has reported that an end or an error follows: it won't report that
    ///   again.
    package final func read(endFollows: Bool = false) {
        guard isOpen else { return }
        let arrival = unsafe transport.read(into: host.input, endFollows: endFollows)
        take(arrival.transfer)
        guard isOpen else { return }
        switch arrival.behind {
        case .unknown: break
        // The rest waits until the other connections have had their turn.
        case .more: watchAnew()
        case .end: awaitsEnd = true
        }
        guard transport.hasUnsent else { return }
        if blocked == nil {
            markDirty()
        } else if watched == .readable {
            // Output was waiting for the peer's bytes, and not for room in the socket.
            becameWritable()
        }
    }

    private func readEnd() {
        awaitsEnd = false
        read(endFollows: true)
    }

    private func take(_ transfer: Socket.Transfer) {
        switch transfer {
        case .bytes(let count):
            lastReceived = host.loop.now
            host.bytesTaken += count
            markDirty()
            if case .closing = lifecycle { return }
            do {
                try unsafe receive(UnsafeRawBufferPointer(rebasing: host.input[..<count]))
                headersBegan = isReceivingHeaders ? headersBegan ?? host.loop.now : nil
                if case .condemned(let rule, let reason) = lifecycle { end(for: rule, reason) }
            } catch {
                if case .condemned(let rule, let reason) = lifecycle { return end(for: rule, reason) }
                end(for: error.isFlood ? .controlFrames : .protocolError, error.description)
            }
        case .wouldBlock:
            break
        case .end:
            close(transport.failure?.description ?? "the peer has closed the connection")
        case .failed(let error):
            let reason = transport.reason(of: error)
            if transport.isFlooded { count(.controlFrames, reason) }
            close(reason)
        }
    }

    // MARK: Output

    /// Schedules the session's output to be written at the end of this turn.
    package final func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        host.willFlush(self)
    }

    /// Writes what the session has queued until it is all out or the socket is full, then takes in the peer's end that
    /// follows the bytes which marked the connection dirty. Called at the end of a turn.
    package final func flush() {
        isDirty = false
        sendQueued()
        if awaitsEnd, isOpen { readEnd() }
    }

    private func sendQueued() {
        guard isWritable else { return }
        do {
            while case let count = try unsafe write(into: host.output), count > 0 {
                guard unsafe hasSent(transport.write(UnsafeRawBufferPointer(rebasing: host.output[..<count]))) else {
                    return
                }
                // The buffer had room left, so the session has nothing more to write.
                if unsafe count <= host.output.count - Session.leastOutput { break }
            }
        } catch {
            return close(error.description)
        }
        if transport.hasUnsent, !hasSent(transport.flush()) { return }
        switch lifecycle {
        case .open: if isFinished { close(Self.sessionIsOver) }
        case .condemned(let rule, let reason): end(for: rule, reason)
        case .closing(let reason, _): close(reason)
        case .closed: break
        }
    }

    private static let sessionIsOver = "the session is over"

    /// - Returns: whether the socket has taken everything and would take more.
    private func hasSent(_ sent: Transport.Sent) -> Bool {
        switch sent {
        case .all: return true
        case .blocked(let interest):
            blocked = Blocked(since: host.loop.now, unacknowledged: transport.socket.unacknowledged)
            watch(for: interest)
        case .failed(let reason): close(reason)
        }
        return false
    }

    private func becameWritable() {
        guard blocked != nil else { return }
        blocked = nil
        guard hasSent(transport.flush()) else { return }
        watch(for: .readable)
        markDirty()
    }

    package final func watch(for interest: Readiness) {
        guard interest != watched else { return }
        watched = interest
        watchAnew()
    }

    /// Makes the loop report readiness again, even if it has reported it before.
    private func watchAnew() {
        do {
            try host.loop.change(transport.socket.descriptor, to: watched)
        } catch {
            close(error.description)
        }
    }

    // MARK: PINGs

    public final override func pingAnswered(_ payload: UInt64) {
        guard let ping = Ping(rawValue: payload) else { return }
        if case .bandwidth = ping { bandwidth.answered(now: host.loop.now) }
        answered(ping)
    }

    /// The peer has answered a PING, or claims to.
    open func answered(_ ping: Ping) {}

    // MARK: Abuse

    open override func frameBegan(_ frame: IncomingFrame) -> Bool {
        if case .condemned = lifecycle { return false }
        // The previous header block has ended, or this would be a CONTINUATION: this frame starts the time of the next
        // one.
        if case .headers = frame { headersBegan = nil }
        switch frame {
        case .data: return true
        // HEADERS cost too until they prove useful: those of a closed or refused stream are decoded for nothing.
        case .headers, .control:
            if frames.received(now: host.loop.now) { return true }
            violate(.controlFrames, "too many frames that move nothing")
            return false
        }
    }

    /// Whether the peer has broken no rule.
    private var isSound: Bool {
        if case .condemned = lifecycle { false } else { true }
    }

    /// Credits the frame budget for a head, DATA or trailers of a call.
    @usableFromInline package final func receivedData() {
        frames.moved()
    }

    open override func headersSkipped(bytes: Int, fields: Int) -> Bool {
        if isSound, !frames.skipped(bytes: bytes, fields: fields, now: host.loop.now) {
            violate(.headerList, "header lists go too far beyond their limits")
        }
        return isSound
    }

    open override func goAwaySent(_ code: ErrorCode, saying text: String) {
        // A GOAWAY without an error is this side's own.
        guard code != .noError else { return }
        violate(code == .enhanceYourCalm ? .controlFrames : .protocolError, text.isEmpty ? "\(code)" : text)
    }

    /// Credits the frame budget for HEADERS or DATA that go out.
    open func sentData() {
        frames.moved()
    }

    /// Condemns the connection: it is to be closed to protect the others.
    package final func violate(_ rule: AbuseRule, _ reason: String) {
        if case .open = lifecycle { lifecycle = .condemned(rule, reason: reason) }
        markDirty()
    }

    private func end(for rule: AbuseRule, _ reason: String) {
        count(rule, reason)
        guard isOpen else { return }
        // The words that tell gRPC clients to send fewer PINGs (gRFC A8).
        terminate(
            rule == .protocolError ? .protocolError : .enhanceYourCalm, saying: rule == .pings ? "too_many_pings" : "")
        lifecycle = .closing(reason: reason, rule)
        markDirty()
    }

    package final func closeAsStalled(_ reason: String) {
        count(.writeStall, reason)
        lifecycle = .closing(reason: reason, .writeStall)
        close("the peer doesn't read")
    }

    /// Enforces the time limits. Called a few times a second.
    open func sweep(_ now: MonotonicTime) {
        guard isOpen else { return }
        if blocked?.isStalled(transport.socket.unacknowledged, for: host.limits.writeTimeout, now: now) == true {
            return closeAsStalled("the peer has read nothing for \(host.limits.writeTimeout)")
        }
        // A malformed head ends before the next read reports it.
        if let headersBegan, isReceivingHeaders, isTakingInput, now > headersBegan + host.limits.headerTimeout {
            end(for: .slowHeaders, "a header block took longer than \(host.limits.headerTimeout)")
        }
    }

    // MARK: The end

    /// Closes the socket now, whatever is queued.
    package final func close(_ reason: String) {
        guard isOpen else { return }
        lifecycle = .closed(endedFor)
        transport.close()
        host.loop.remove(transport.socket.descriptor, beforeClosing: true)
        lost(reason)
    }

    /// Makes the session send a GOAWAY without an error, then closes.
    package final func closeAfterGoAway() {
        terminate(.noError)
        if isTakingInput { lifecycle = .closing(reason: Self.sessionIsOver, nil) }
        markDirty()
    }

    /// Whether queued output can go out at once, as far as is known.
    package final var isWritable: Bool { isOpen && blocked == nil && transport.isSecured }

    package final var isOpen: Bool {
        if case .closed = lifecycle { false } else { true }
    }

    private var isTakingInput: Bool {
        switch lifecycle {
        case .open, .condemned: true
        case .closing, .closed: false
        }
    }

    /// The rule for which this side ended the connection.
    package final var endedFor: AbuseRule? {
        switch lifecycle {
        case .open, .condemned: nil
        case .closing(_, let rule), .closed(let rule): rule
        }
    }

    package final var peerName: String { peerAddress?.description ?? "unknown" }

    /// Identity of the other side, for its budgets.
    open var peer: Peer { Peer(peerAddress) }

    /// Counts the connection among those closed for breaking a rule.
    package final func count(_ rule: AbuseRule, _ reason: String) {
        host.log.count(rule, peer, peerName, reason, now: host.loop.now)
    }

    /// Logs that a limit was reached on this connection, no more often than the log allows for its peer.
    package final func report(
        _ severity: NotableEvent.Severity, _ message: String, of limit: Limit,
        _ details: [(name: String, value: String)] = []
    ) {
        host.log.report(severity, message, of: limit, peer, peerName, details, now: host.loop.now)
    }
}

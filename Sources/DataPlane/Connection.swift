import EventLoop
import HTTP2
import TLS

/// A session with its socket: what a client's and an upstream's connection have in common.
///
/// Reading hands bytes to the session as they come; writing waits for the end of the loop's turn, so that all that a turn
/// has queued goes out in one system call. Confined to its worker's thread.
class Connection: Session, EventHandler {
    /// What stands between the session and the socket.
    private enum Output {
        case open
        /// The socket has been full since then: these bytes come first, once it is writable again. With TLS there are none,
        /// it keeps its own.
        case blocked([UInt8], since: MonotonicTime)
        case closed
    }

    /// Counted once, for as long as the connection is open: then its worker lets go of it.
    let worker: Worker
    /// The worker's, closer at hand.
    let chunks: ChunkPool
    let socket: Socket
    /// `nil` for plaintext.
    let tls: TLSConnection?
    /// Where the connection comes from, or goes to; `nil` where it was gone before that was asked.
    final var peerAddress: SocketAddress?
    /// Calls with a leg on this connection; each knows its index here.
    var calls: [Lent<Call>] = []

    private var output = Output.open
    /// What the socket is watched for.
    private var watched: Readiness
    private var isDirty = false
    /// The end of the peer's bytes is known to have come: it is taken in once what they have led to has been sent.
    private var awaitsEnd = false
    /// The session is done with input: what is queued still goes out, then the connection closes.
    private var isClosing = false
    /// The rule that the peer has broken, and how: the connection closes as soon as the session's callback has returned.
    private var violation: (rule: AbuseRule, reason: String)?
    /// The rule for which the Proxy has ended the connection.
    private(set) var endedFor: AbuseRule?
    /// Why the connection is closing, for the calls that are lost with it.
    private var closeReason = "the session is over"
    private var frames: FrameBudget
    /// When the header block that is arriving began.
    private var headersBegan: MonotonicTime?
    /// When bytes came in last; before that, when the connection was made.
    private(set) var lastReceived: MonotonicTime
    /// How much the peer can have under way to this side.
    private(set) var bandwidth: BandwidthEstimate

    /// How long a stream carries nothing until others may have its share of what windows may grow.
    static let quietTime = Duration.seconds(1)

    init(
        role: Role, socket: Socket, peerAddress: SocketAddress?, tls: TLSConnection?, settings: SessionSettings,
        worker: Worker, interest: Readiness
    ) throws(SystemError) {
        self.worker = worker
        chunks = worker.chunks
        self.socket = socket
        self.tls = tls
        self.peerAddress = peerAddress
        watched = interest
        lastReceived = worker.loop.now
        frames = FrameBudget(capacity: worker.limits.controlFrameBudget, now: worker.loop.now)
        bandwidth = BandwidthEstimate(most: worker.limits.mostGrownWindows)
        super.init(role: role, settings: settings, headerBlocks: worker.headerBlocks, memory: worker.sessionMemory)
        // With TLS a read takes what fits into one buffer of records; what it leaves is reported again, by level.
        try worker.loop.add(socket.descriptor, for: interest, tls == nil ? .edge : .level, handler: self)
    }

    // MARK: For subclasses

    /// The connection is over. Called once, after the socket has left the loop; the subclass ends its calls.
    func lost(_ reason: String) {}

    /// The TLS handshake is done.
    func secured(_ tls: TLSConnection) {}

    // MARK: Input

    func ready(_ readiness: Readiness) {
        if let tls, !tls.isEstablished { return shakeHands(tls) }
        if readiness.contains(.writable) { becameWritable() }
        guard readiness.contains(.readable) || readiness.contains(.broken) else { return }
        read(endFollows: readiness.contains(.ended) || readiness.contains(.broken))
    }

    /// Takes the TLS handshake as far as it goes now.
    final func shakeHands(_ tls: TLSConnection) {
        switch tls.handshake() {
        case .waits(let interest): watch(for: interest)
        case .failed(let error):
            count(.tlsHandshake, error.description)
            close(error.description)
        case .done:
            secured(tls)
            watch(for: .readable)
            markDirty()
            // The socket no longer tells of what came in with the end of the handshake.
            read()
        }
    }

    /// Takes in what has come.
    ///
    /// - Parameter endFollows: whether the socket has told that an end, or an error, is behind that: it won't tell again.
    final func read(endFollows: Bool = false) {
        if case .closed = output { return }
        guard let tls else { return readPlaintext(endFollows: endFollows) }
        take(tls.read(into: worker.input))
        if tls.hasEnding { awaitsEnd = true }
        if case .blocked = output, tls.hasUnsent { becameWritable() } else if tls.hasUnsent { markDirty() }
    }

    private func readPlaintext(endFollows: Bool) {
        let transfer = socket.read(into: worker.input)
        take(transfer)
        guard case .bytes(let count) = transfer, isOpen else { return }
        if count == worker.input.count {
            // There may be more, which has its turn after the other connections have had theirs.
            watchAnew()
        } else if endFollows {
            awaitsEnd = true
        }
    }

    private func readEnd() {
        awaitsEnd = false
        if let tls { take(tls.read(into: worker.input)) } else { readPlaintext(endFollows: true) }
    }

    private func take(_ transfer: Socket.Transfer) {
        switch transfer {
        case .bytes(let count):
            lastReceived = worker.loop.now
            worker.bytesTaken += count
            markDirty()
            guard !isClosing else { return }
            do {
                try receive(UnsafeRawBufferPointer(rebasing: worker.input[..<count]))
                headersBegan = isReceivingHeaders ? headersBegan ?? worker.loop.now : nil
                if let violation { end(for: violation.rule, violation.reason) }
            } catch {
                let rule: AbuseRule = error.isFlood ? .controlFrames : .protocolError
                end(for: violation?.rule ?? rule, violation?.reason ?? error.description)
            }
        case .wouldBlock:
            break
        case .end:
            close(tls?.failure?.description ?? "the peer has closed the connection")
        case .failed(let error):
            let reason = tls?.failure?.description ?? error.reason
            if let tls, tls.isFlooded { count(.controlFrames, reason) }
            close(reason)
        }
    }

    // MARK: Output

    /// Has the session drained at the end of this turn.
    final func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        worker.dirty.append(self)
    }

    /// Writes out what the session has queued, until that is all or the socket is full, and takes in the peer's end behind
    /// the bytes that have marked the connection dirty. Called at the end of a turn.
    final func flush() {
        isDirty = false
        sendQueued()
        if awaitsEnd, isOpen { readEnd() }
    }

    private func sendQueued() {
        guard case .open = output, tls?.isEstablished != false else { return }
        do {
            while case let count = try drain(into: worker.output), count > 0 {
                guard write(UnsafeRawBufferPointer(rebasing: worker.output[..<count])) else { return }
                // There was room for more, had there been more.
                if count <= worker.output.count - Session.leastOutput { break }
            }
        } catch {
            return close(error.description)
        }
        if let tls, tls.hasUnsent, !sent(tls.flush(), keeping: Self.nothing) { return }
        if let violation, !isClosing { return end(for: violation.rule, violation.reason) }
        if isClosing || isFinished { close(closeReason) }
    }

    /// - Returns: whether the socket took everything and would take more.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let tls { return sent(tls.write(bytes), keeping: Self.nothing) }
        var rest = bytes
        while !rest.isEmpty {
            let transfer = socket.write(rest)
            if case .bytes(let count) = transfer {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else {
                return sent(transfer, keeping: rest)
            }
        }
        return true
    }

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    /// - Returns: whether the socket has taken everything; if not, `rest` is what it has to take first.
    private func sent(_ transfer: Socket.Transfer, keeping rest: UnsafeRawBufferPointer) -> Bool {
        switch transfer {
        case .bytes: return true
        case .wouldBlock, .end:
            output = .blocked(Array(rest), since: worker.loop.now)
            watch(for: tls?.waitsForPeer == true ? .readable : [.readable, .writable])
        case .failed(let error): close(tls?.failure?.description ?? error.reason)
        }
        return false
    }

    private func becameWritable() {
        guard case .blocked(let rest, _) = output else { return }
        output = .open
        let isSent = tls.map { sent($0.flush(), keeping: Self.nothing) } ?? rest.withUnsafeBytes { write($0) }
        guard isSent else { return }
        watch(for: .readable)
        markDirty()
    }

    final func watch(for interest: Readiness) {
        guard interest != watched else { return }
        watched = interest
        watchAnew()
    }

    /// Has the loop report also what it has reported before.
    private func watchAnew() {
        do {
            try worker.loop.change(socket.descriptor, to: watched)
        } catch {
            close(error.description)
        }
    }

    // MARK: Windows

    /// DATA have come in. They have credit for the connection at once: a stream that is held up by its reader holds up no
    /// other one.
    final func creditConnection(_ count: Int) {
        bandwidth.received(count, now: worker.loop.now)
        consumeConnection(count)
    }

    /// Puts in force what has been decided on the window of one of the peer's streams.
    final func apply(_ change: WindowChange, to stream: StreamID, base: Int) {
        switch change {
        case .none: return
        case .measure:
            guard bandwidth.begin(now: worker.loop.now) else { return }
            submit(.bandwidth)
        case .grown(let size, let unconsumed):
            setWindow(of: stream, to: base + size)
            if unconsumed > 0 { consumeStream(unconsumed, on: stream) }
        }
        markDirty()
    }

    /// Why a PING is sent; the peer quotes it.
    enum Ping: UInt64 {
        /// To see that the peer is there.
        case keepalive = 0x736c_7569_6365_0001
        /// To measure how much is under way.
        case bandwidth
        /// To know that the peer has seen the GOAWAY in front of it.
        case goAway
    }

    final func submit(_ ping: Ping) {
        submitPing(ping.rawValue)
        markDirty()
    }

    final override func pingAnswered(_ payload: UInt64) {
        guard let ping = Ping(rawValue: payload) else { return }
        if case .bandwidth = ping { bandwidth.answered(now: worker.loop.now) }
        answered(ping)
    }

    /// The peer has answered a PING, or says so.
    func answered(_ ping: Ping) {}

    // MARK: Abuse

    override func frameBegan(_ frame: IncomingFrame) -> Bool {
        guard violation == nil else { return false }
        // One block has ended, or this would be a CONTINUATION: the time of the next one begins with it.
        if case .headers = frame { headersBegan = nil }
        switch frame {
        case .data: break
        // HEADERS cost, too, until it turns out that they lead somewhere: those of a stream that is closed, or refused, are
        // decoded for nothing.
        case .headers, .control:
            if !frames.received(now: worker.loop.now) { violate(.controlFrames, "too many frames that move nothing") }
        }
        return violation == nil
    }

    /// A head, DATA or trailers have come in for a call.
    final func receivedData() {
        frames.moved()
    }

    override func headersSkipped(bytes: Int, fields: Int) -> Bool {
        if violation == nil, !frames.skipped(bytes: bytes, fields: fields, now: worker.loop.now) {
            violate(.headerList, "header lists go too far beyond their limits")
        }
        return violation == nil
    }

    override func goAwaySent(_ code: ErrorCode, saying text: String) {
        // Otherwise it is this side's own.
        guard code != .noError, !isClosing else { return }
        violate(code == .enhanceYourCalm ? .controlFrames : .protocolError, text.isEmpty ? "\(code)" : text)
    }

    /// HEADERS or DATA go out.
    func sentData() {
        frames.moved()
    }

    /// The connection is to be closed for the sake of the others.
    final func violate(_ rule: AbuseRule, _ reason: String) {
        if violation == nil { violation = (rule: rule, reason: reason) }
        markDirty()
    }

    private func end(for rule: AbuseRule, _ reason: String) {
        count(rule, reason)
        endedFor = rule
        closeReason = reason
        // The words by which gRPC clients know that they are to send fewer PINGs (gRFC A8).
        closeAfterGoAway(
            rule == .protocolError ? .protocolError : .enhanceYourCalm, saying: rule == .pings ? "too_many_pings" : "")
    }

    final func closeAsStalled(_ reason: String) {
        count(.writeStall, reason)
        endedFor = .writeStall
        close("the peer doesn't read")
    }

    /// Looks after the time limits. Called a few times a second.
    func sweep(_ now: MonotonicTime) {
        if case .blocked(_, let since) = output, now > since + worker.limits.writeTimeout {
            return closeAsStalled("the peer has read nothing for \(worker.limits.writeTimeout)")
        }
        // A malformed head is over before the next read tells so.
        if let headersBegan, isReceivingHeaders, !isClosing, now > headersBegan + worker.limits.headerTimeout {
            end(for: .slowHeaders, "a header block took longer than \(worker.limits.headerTimeout)")
        }
    }

    // MARK: The end

    /// Lets go of the socket now, whatever is queued.
    final func close(_ reason: String) {
        if case .closed = output { return }
        output = .closed
        tls?.close()
        worker.loop.remove(socket.descriptor, beforeClosing: true)
        lost(reason)
    }

    /// Lets the session say its last words (a GOAWAY with this code) and closes then.
    final func closeAfterGoAway(_ code: ErrorCode, saying text: StaticString = "") {
        terminate(code, saying: text)
        isClosing = true
        markDirty()
    }

    /// Whether what is queued can go out at once, as far as is known.
    final var isWritable: Bool {
        if case .open = output { tls?.isEstablished != false } else { false }
    }

    final var isOpen: Bool {
        if case .closed = output { false } else { true }
    }

    final var peerName: String { peerAddress?.description ?? "unknown" }

    /// Who the other side is, for its budgets.
    var peer: Peer { Peer(peerAddress) }

    /// Counts the connection among those that are closed for breaking a rule.
    final func count(_ rule: AbuseRule, _ reason: String) { worker.count(rule, self, reason) }

    // MARK: Calls

    /// Takes a call off the list, in constant time.
    final func removeCall(at index: Int, moved: (Call) -> Void) {
        let last = calls.removeLast()
        if index < calls.count {
            calls[index] = last
            last.use(moved)
        }
    }
}

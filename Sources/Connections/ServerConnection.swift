import EventLoop
import Ground
import HTTP2
import TLS

/// A connection that a client has opened, with the limits that every client is held to, whatever its streams are for.
///
/// A subclass serves the streams. It reports when the first begins and when the last is over (`becameBusy`, `becameIdle`),
/// and how each ended (`endedCleanly`, `endedUncleanly`).
open class ServerConnection: Connection {
    package final var shutdown = GracefulShutdown()
    package private(set) final var activity: ClientActivity
    /// The load balancer's header before the client's first byte; `nil` if none is due, and once it is complete.
    final var proxyHeader: ProxyProtocolHeader?
    package internal(set) final var registration: ConnectionRegistry.Registration
    /// The listener that the client has connected to.
    package final let door: Door
    /// The client's number among the host's clients.
    package final let number: UInt64

    /// Whether the client is still there whose streams take nothing.
    private var keepalive = Keepalive()
    package final var budget: ClientBudget
    /// Fingerprint of the certificate whose key the client has proven to hold.
    private var fingerprint: String?
    private var pings: PingPolicy
    /// Time at which the client connected, while its SETTINGS are awaited; `nil` once they have come.
    package private(set) final var awaitsPrefaceSince: MonotonicTime?

    // Public for the same reason as that of `Connection`.
    public init(
        transport: Transport, peerAddress: SocketAddress?, door: Door,
        registration: ConnectionRegistry.Registration, host: ConnectionHost
    ) throws(SystemError) {
        self.registration = registration
        self.door = door
        let limits = host.limits
        let now = host.loop.now
        // A peer known by its address alone gets its remaining budget with the first SETTINGS, so no further ones are
        // needed.
        let isKnown =
            transport.isSecured && !limits.proxyProtocol.contains(peerAddress)
            && !limits.trustedPeers.contains(peerAddress)
        budget = ClientBudget(
            limits, left: isKnown ? host.peers.left(of: Peer(peerAddress), now: now) : nil, now: now)
        let settings = SessionSettings(
            maxConcurrentStreams: UInt32(budget.announced),
            streamWindow: Int32(limits.streamWindow),
            connectionWindow: Int32(max(limits.sharedWindow, limits.streamWindow)),
            maxHeaderListSize: UInt32(limits.maxHeaderListSize), maxHeaderFields: limits.maxHeaderFields)
        pings = PingPolicy(minimumInterval: limits.minPingInterval)
        awaitsPrefaceSince = now
        activity = .new(since: now)
        number = host.nextClientNumber()
        if limits.proxyProtocol.contains(peerAddress) { proxyHeader = ProxyProtocolHeader() }
        try super.init(
            role: .server, transport: transport, peerAddress: peerAddress, settings: settings, host: host,
            interest: .readable)
        // The first SETTINGS wait for the client's own, which every client sends at once: they go out with the answer.
    }

    // MARK: For subclasses

    /// Whether one of the client's streams has taken nothing of what waits for it for at least `time`.
    open func isShut(for time: Duration, _ now: MonotonicTime) -> Bool { false }

    /// Releases what only streams need. Called once after each time of activity.
    open func trim() { trimMemory() }

    /// A stream has begun.
    package final func becameBusy() {
        if case .new = activity { beginWithWhatIsLeft() }
        activity = .busy
    }

    /// The last stream is over.
    package final func becameIdle() {
        activity = .idle(since: host.loop.now, isTrimmed: false)
    }

    /// Time since which the connection has had no stream; `nil` if it has one and so can't make room.
    package final var idleSince: MonotonicTime? { activity.idleSince }

    // MARK: Who it is

    open override var peer: Peer { fingerprint.map { .identity($0) } ?? Peer(peerAddress) }

    open override func secured() {
        fingerprint = transport.peerIdentity?.fingerprint
    }

    open override func ready(_ readiness: Readiness) {
        // The client's bytes follow the header, and may be there already.
        if proxyHeader != nil { guard readProxyHeader() else { return } }
        super.ready(readiness)
    }

    // MARK: Frames

    open override func resetSent(_ code: ErrorCode, on stream: StreamID) {
        if code == .refusedStream { host.log.count(.streams) }
    }

    open override func settingsReceived() {
        awaitsPrefaceSince = nil
        joinPeer()
    }

    open override func pingReceived() -> Bool {
        guard !pings.received(now: host.loop.now) else { return true }
        violate(.pings, "PINGs without a pause")
        return false
    }

    open override func sentData() {
        super.sentData()
        pings.sentData()
    }

    open override func answered(_ ping: Ping) {
        if case .goAway = ping { finishShutdown() }
    }

    // MARK: Time

    open override func sweep(_ now: MonotonicTime) {
        super.sweep(now)
        guard isOpen else { return }
        if let since = awaitsPrefaceSince, now > since + host.limits.prefaceTimeout {
            if proxyHeader != nil {
                count(.proxyProtocol, "no PROXY header within \(host.limits.prefaceTimeout)")
            } else {
                count(.preface, "no HTTP/2 preface and SETTINGS within \(host.limits.prefaceTimeout)")
            }
            return close("no preface")
        }
        if let since = idleSince {
            if activity.beginsTrimming(now: now) { trim() }
            if let limit = host.limits.idleTimeout, now > since + limit, !shutdown.hasBegun {
                host.log.count(.idleConnection)
                report(.info, "ending an idle connection", of: .idleConnection, [("after", "\(limit)")])
                beginShutdown()
            }
        }
        if let more = budget.earnMore(now: now) { tell(ofStreams: more) }
        sweepStreams(now)
        seeThatPeerIsThere(now)
    }

    /// Enforces the time limits of the connection's streams. Called a few times a second.
    open func sweepStreams(_ now: MonotonicTime) {}

    /// Sends a PING to a client whose streams take nothing: it may be busy, or gone without a word.
    private func seeThatPeerIsThere(_ now: MonotonicTime) {
        let (silence, timeout) = (host.limits.writeTimeout, host.limits.keepaliveTimeout)
        let step = keepalive.step(
            lastReceived: lastReceived, silence: silence, timeout: timeout, now: now,
            isWanted: isShut(for: silence, now))
        switch step {
        case .nothing: break
        case .sendPing: submit(.keepalive)
        case .dead: closeAsStalled("no answer to a PING within \(timeout) while its streams take nothing")
        }
    }

    // MARK: The end

    /// Ends this connection, which has no stream, in favor of another peer's.
    final func makeRoom() {
        host.log.count(.peerConnections)
        report(.info, "ending an idle connection of the peer that has most", of: .peerConnections)
        if isWritable { closeAfterGoAway() } else { close("another peer needs the room") }
    }

    /// Ends a stream with RST_STREAM at once.
    package final func cancel(_ stream: StreamID, _ code: ErrorCode) {
        reset(stream, code)
        markDirty()
    }

    /// The subclass has ended its streams before.
    open override func lost(_ reason: String) {
        if let timer = shutdown.timer { host.loop.cancel(timer) }
        if let account = budget.account { host.peers.close(account) }
        if let share = registration.share { registration.registry.left(share) }
        host.clientLeft(self)
    }
}

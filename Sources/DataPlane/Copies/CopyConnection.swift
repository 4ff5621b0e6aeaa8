import Connections
import EventLoop
import Ground
import HTTP2
import TLS

/// A connection to an endpoint that carries copies and nothing else, so that what a color does with copies (windows that
/// stay shut, resets, a connection that it ends) touches no live call.
final class CopyConnection: Connection {
    private enum Phase {
        /// The socket isn't connected yet.
        case connecting
        /// The endpoint's SETTINGS haven't come yet.
        case handshaking
        case ready
        /// Open streams go on, and no new ones begin.
        case leaving
    }

    /// A counted reference; the cycle ends when the connection closes and its copier releases it.
    private let worker: Worker
    private let pool: CopyPool
    private let copyChunks: ChunkPool
    private var phase = Phase.connecting
    /// Legs with a stream here; each knows its index.
    private(set) var legs: [CopyLeg] = []
    private var resets: UpstreamResetBudget
    /// Time since which there has been no leg.
    private var idleSince: MonotonicTime

    /// Time without a copy after which the connection is closed.
    private static let idleTime = Duration.seconds(10)

    init(to address: SocketAddress, pool: CopyPool, worker: Worker) throws {
        self.worker = worker
        self.pool = pool
        copyChunks = pool.copier.chunks
        let limits = worker.limits
        resets = UpstreamResetBudget(limit: limits.upstreamResets, window: .seconds(30))
        idleSince = worker.loop.now
        let settings = SessionSettings(
            streamWindow: Int32(limits.streamWindow), connectionWindow: Int32(limits.sharedWindow),
            maxHeaderListSize: UInt32(limits.maxHeaderListSize), maxHeaderFields: limits.maxHeaderFields)
        try super.init(
            role: .client, transport: worker.transport(to: address, of: pool.endpoint), peerAddress: address,
            settings: settings, host: worker.host, interest: .writable)
    }

    /// Whether one more copy fits.
    func hasRoom() -> Bool {
        guard case .ready = phase else { return false }
        return legs.count < min(peerMaxConcurrentStreams, worker.limits.maxUpstreamStreams) && !isWorn()
    }

    /// Whether so many copies were cancelled that the endpoint may soon end the connection.
    private func isWorn() -> Bool { resets.isHalfUsed(now: worker.loop.now) }

    // MARK: Connecting

    override func ready(_ readiness: Readiness) {
        guard case .connecting = phase else { return super.ready(readiness) }
        guard isConnected(readiness) else { return }
        phase = .handshaking
        beginAsClient()
    }

    override func settingsReceived() {
        switch phase {
        case .handshaking where peerMaxConcurrentStreams > 0:
            phase = .ready
            pool.connectionIsReady(self)
        case .ready: pool.roomWasMade()
        case .connecting, .handshaking, .leaving: break
        }
    }

    override func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) { leave() }

    /// Takes no more copies.
    private func leave() {
        guard case .ready = phase else { return }
        phase = .leaving
        pool.connectionLeaves(self)
    }

    override func lost(_ reason: String) {
        switch phase {
        case .connecting, .handshaking: pool.connectionFailed(self)
        case .ready, .leaving: break
        }
        while let leg = legs.last {
            let isUnsent = if case .open(_, let stream) = leg.place { stream > latestStreamSent } else { false }
            forget(leg)
            // Of what has left the Proxy a client would have been told that it is lost.
            if isUnsent { leg.copy.giveUp(leg, .unreachable) } else { end(leg, status: .unavailable) }
        }
        pool.connectionEnded(self)
    }

    override func sweep(_ now: MonotonicTime) {
        super.sweep(now)
        guard isOpen else { return }
        switch phase {
        case .connecting, .handshaking: return
        case .ready, .leaving: break
        }
        if isWorn() { leave() }
        if legs.contains(where: \.isAwaited) { return }
        if case .leaving = phase { return closeAfterGoAway() }
        if legs.isEmpty, now > idleSince + Self.idleTime {
            leave()
            closeAfterGoAway()
        }
    }

    /// Closes the connection at the end of the process.
    func finish() {
        leave()
        closeAfterGoAway()
    }

    // MARK: The request goes out

    /// Gives a leg its stream on this connection.
    func start(_ leg: CopyLeg) {
        guard let head = leg.takeHead() else { preconditionFailure("a leg starts once") }
        defer { headerLists.give(head) }
        let isComplete = leg.copy.requestHasEnded && leg.requestBody.isEmpty
        do {
            guard head.listSize <= peerMaxHeaderListSize else { return leg.copy.giveUp(leg, .tooLarge) }
            let stream = try submitRequest(head, endStream: isComplete, context: leg)
            leg.opened(on: self, stream)
            leg.record.began = worker.loop.now
            leg.index = legs.count
            legs.append(leg)
            markDirty()
        } catch {
            // The stream identifiers are used up (RFC 9113, section 5.1.1).
            leg.copy.giveUp(leg, .unreachable)
            leave()
        }
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let leg = context.leg
        guard leg.isAwaited else { return .nothingYet }
        let count = unsafe leg.requestBody.read(into: buffer, pool: copyChunks)
        if count > 0 {
            sentData()
            leg.copy.letGo(count)
        }
        guard leg.requestBody.isEmpty, leg.copy.requestHasEnded else {
            if count > 0 { return .bytes(count) }
            leg.awaitsBody = true
            return .nothingYet
        }
        return .last(count)
    }

    // MARK: The answer comes in

    override func responseReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        receivedData()
        defer { headerLists.give(head) }
        if isTooLarge(head), !endStream { return refuse(context.leg, on: stream) }
        context.leg.record.take(head: head)
        if endStream { answered(context.leg, head, on: stream) }
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        consume(bytes.count, on: stream)
        let leg = context.leg
        guard leg.isAwaited else { return }
        if let why = leg.copy.keep(bytes.count) { return leg.copy.giveUp(leg, why) }
        unsafe leg.record.take(bytes)
    }

    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        answered(context.leg, trailers, on: stream)
        headerLists.give(trailers)
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        answered(context.leg, nil, on: stream)
    }

    /// Whether a list is one that no client gets: it is over the limits, and has no status to cut it down to.
    private func isTooLarge(_ list: HeaderList) -> Bool { list.isTruncated && !list.has(.grpcStatus) }

    /// Ends a leg as a live call with such an answer ends.
    private func refuse(_ leg: CopyLeg, on stream: StreamID) {
        end(leg, status: .resourceExhausted)
        cancel(stream)
    }

    private func answered(_ leg: CopyLeg, _ trailers: HeaderList?, on stream: StreamID) {
        if let trailers, isTooLarge(trailers) { return refuse(leg, on: stream) }
        let isSent = leg.copy.requestHasEnded && leg.requestBody.isEmpty
        let status = trailers?.number(of: .grpcStatus).map { GRPCStatus(rawValue: $0) ?? .unknown }
        end(leg, status: status ?? GRPCStatus(httpStatus: leg.record.httpStatus))
        if !isSent { cancel(stream) }
    }

    override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        // A stream that was refused has not been processed.
        if code != .refusedStream { end(context.leg, status: code.grpcStatus) }
    }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        let leg = context.leg
        forget(leg)
        if leg.isAwaited, code == .refusedStream {
            leg.copy.giveUp(leg, .unreachable)
        } else {
            end(leg, status: .internal)
        }
        pool.roomWasMade()
    }

    /// Notes the end of an answer.
    ///
    /// - Parameter status: its status, if it has none yet.
    private func end(_ leg: CopyLeg, status: GRPCStatus) {
        guard leg.isAwaited else { return }
        leg.record.end(status: status.rawValue, at: worker.loop.now)
        leg.copy.compareIfDone(leg)
    }

    /// Takes a leg off this connection, whose stream is closed.
    private func forget(_ leg: CopyLeg) {
        leg.closed()
        // libnghttp2 may still refer to it until its callback has returned.
        pool.copier.isOver(leg)
        let index = leg.index
        // Swapping moves the elements, and counts no references.
        unsafe legs.withUnsafeMutableBufferPointer { unsafe $0.swapAt(index, $0.count - 1) }
        legs.removeLast()
        if index < legs.count { legs[index].index = index }
        if legs.isEmpty { idleSince = worker.loop.now }
    }

    /// Ends the stream of a leg that nobody waits for.
    func abandon(_ leg: CopyLeg, _ stream: StreamID) {
        if stream > latestStreamSent {
            withdraw(stream)
            forget(leg)
            markDirty()
            return pool.roomWasMade()
        }
        cancel(stream)
    }

    /// Resets a stream, within the connection's budget of resets. Beyond it the stream is left alone: with the next sweep
    /// the connection takes no more copies, and closes once none of them is awaited.
    private func cancel(_ stream: StreamID) {
        guard resets.allows(now: worker.loop.now) else { return }
        resets.record(now: worker.loop.now)
        reset(stream, .cancel)
        markDirty()
    }
}

import Connections
import EventLoop
import Ground
import HTTP2
import TLS

/// A client's connection whose streams are gRPC calls.
final class GRPCConnection: ServerConnection {
    /// A counted reference; the cycle ends when the connection closes and its host releases it.
    let worker: GRPCWorker
    /// The connection's calls; each knows its index.
    private(set) var calls: [ServerCall] = []

    init(
        transport: Transport, peerAddress: SocketAddress?, door: Door, registration: ConnectionRegistry.Registration,
        worker: GRPCWorker
    ) throws(SystemError) {
        self.worker = worker
        try super.init(
            transport: transport, peerAddress: peerAddress, door: door, registration: registration, host: worker.host)
        // The system notices a host that is gone without a word; clients may be silent for as long as they like.
        transport.socket.setKeepAlive()
    }

    // MARK: The request comes in

    override func requestBegan(on stream: StreamID) -> StreamContext {
        let call = ServerCall(self, stream: stream, most: worker.maxMessageSize)
        call.index = calls.count
        calls.append(call)
        becameBusy()
        return call
    }

    override func requestReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        receivedData()
        let call = context.call
        call.head = head
        if endStream { call.request = .ended }
        if let refusal = refusal(of: head) { return refuse(call, refusal) }
        guard let path = unsafe head.bytes(of: .path), let place = unsafe worker.methods.find(path) else {
            let path = head.text(of: .path) ?? ""
            return finish(call, RPCStatus(.unimplemented, "there is no method \(path) here"))
        }
        call.methodPlace = place
        if let value = unsafe head.bytes(of: .grpcTimeout) {
            guard let timeout = unsafe GRPCTimeout.parse(value) else {
                return finish(call, RPCStatus(.internal, "the call's grpc-timeout is no timeout"))
            }
            call.deadline = call.began + timeout
            if timeout <= .zero { return finish(call, Self.deadlineExceeded) }
        }
        switch worker.methods.methods[place].handler {
        case .unary:
            // The request's end follows at once, or with the last DATA.
            if endStream { requestEnded(call) }
        case .streaming(let make):
            setDeadlineTimer(call)
            call.handler = make(call)
            if endStream { requestEnded(call) }
        }
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        creditConnection(bytes.count)
        let call = context.call
        if call.isFinished { return consumeStream(bytes.count, on: stream) }
        if call.isPaused || !call.waitingRequest.isEmpty || !call.putBack.isEmpty {
            return unsafe call.waitingRequest.append(bytes, from: chunks)
        }
        unsafe take(bytes, call)
        consumeStream(bytes.count, on: stream)
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        let call = context.call
        call.request = .ended
        if !call.isPaused, call.waitingRequest.isEmpty, call.putBack.isEmpty { requestEnded(call) }
    }

    /// gRPC has no request trailers; what they say is nothing to anybody.
    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        receivedData()
        headerLists.give(trailers)
        endReceived(on: stream, context)
    }

    // MARK: The response goes out

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let call = context.call
        let hadRoom = call.hasRoom
        let count = unsafe call.responseBytes.read(into: buffer, pool: chunks)
        if count > 0 {
            sentData()
            call.undeliveredSince = call.responseBytes.isEmpty ? nil : host.loop.now
        }
        if call.responseBytes.isEmpty, case .ended(let status) = call.response {
            submitTrailers(of: call, status)
            return .lastBeforeTrailers(count)
        }
        // The handler is told outside of the session's output, which it may add to.
        if !hadRoom, call.hasRoom { worker.madeRoom(for: call) }
        if count > 0 { return .bytes(count) }
        call.awaitsBody = true
        return .nothingYet
    }

    override func endSent(on stream: StreamID, _ context: StreamContext) {
        // The answer is complete, so nothing needs what the client still sends (RFC 9113, section 8.1).
        if case .coming = context.call.request { reset(stream, .noError) }
    }

    // MARK: The end of a call

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        let call = context.call
        if code == .noError, call.isFinished {
            if call.request.hasEnded { endedCleanly() }
        } else if !endedUncleanly(deadline: call.deadline, began: call.began) {
            violate(.resets, "too many streams that were reset")
        }
        close(call)
    }

    override func lost(_ reason: String) {
        while let call = calls.last {
            if !call.isFinished { _ = endedUncleanly(deadline: call.deadline, began: call.began) }
            close(call)
        }
        super.lost(reason)
    }

    private func close(_ call: ServerCall) {
        // The session lends the call without a reference, and touches it until `streamClosed` has returned.
        worker.keepUntilEndOfTurn(call)
        let last = calls.removeLast()
        if call.index < calls.count {
            calls[call.index] = last
            last.index = call.index
        }
        if calls.isEmpty { becameIdle() }
        let isFinished = call.isFinished
        cancelDeadline(call)
        dropRequest(call)
        call.responseBytes.removeAll(to: chunks)
        call.isOver = true
        call.endWork()
        if let head = call.head {
            headerLists.give(head)
            call.head = nil
        }
        guard !isFinished else { return }
        worker.count(call, RPCStatus(.cancelled))
        call.handler?.cancelled(call)
    }

    /// Counts what a call holds now in place of what it held.
    func recount(_ call: ServerCall) {
        worker.heldBytes += call.requestBytes - call.countedBytes
        call.countedBytes = call.requestBytes
    }

    /// Lets go of what has come of a request that nobody needs any more.
    func dropRequest(_ call: ServerCall) {
        call.assembler = MessageAssembler(most: worker.maxMessageSize)
        call.putBack = []
        recount(call)
        call.unaryMessage = nil
        let count = call.waitingRequest.count
        if count > 0 {
            call.waitingRequest.removeAll(to: chunks)
            if !call.isOver, isOpen { consumeStream(count, on: call.stream) }
        }
    }

    // MARK: Time and memory

    static let deadlineExceeded = RPCStatus(.deadlineExceeded, "the call's deadline is over")

    /// Deadlines of calls that are answered as soon as they have come need no timer.
    func setDeadlineTimer(_ call: ServerCall) {
        guard let deadline = call.deadline, call.deadlineTimer == nil else { return }
        call.deadlineTimer = host.loop.schedule(after: deadline.since(host.loop.readClock())) { [unowned self] in
            call.deadlineTimer = nil
            end(call, Self.deadlineExceeded)
        }
    }

    func cancelDeadline(_ call: ServerCall) {
        if let timer = call.deadlineTimer { host.loop.cancel(timer) }
        call.deadlineTimer = nil
    }

    /// Ends a call that its handler hasn't ended.
    func end(_ call: ServerCall, _ status: RPCStatus) {
        guard !call.isFinished else { return }
        let handler = call.handler
        finish(call, status)
        handler?.cancelled(call)
    }

    /// Ends a call because of the memory that it takes.
    func endForMemory(_ call: ServerCall) {
        end(call, RPCStatus(.resourceExhausted, "the server is short of memory, and this client's calls hold the most"))
        // An answer that the client doesn't read would stay behind any status. RST_STREAM needs no window, and the stream's end
        // gives the answer's bytes back.
        if !call.responseBytes.isEmpty { cancel(call.stream, .enhanceYourCalm) }
    }

    /// Bytes that the connection's calls hold of messages on their way.
    var heldBytes: Int { calls.reduce(0) { $0 + $1.heldBytes } }

    override func isShut(for time: Duration, _ now: MonotonicTime) -> Bool {
        calls.contains { call in call.undeliveredSince.map { now > $0 + time } ?? false }
    }

    override func sweepStreams(_ now: MonotonicTime) {
        for call in calls {
            if let deadline = call.deadline, now > deadline, call.deadlineTimer == nil {
                end(call, Self.deadlineExceeded)
            } else if let since = call.undeliveredSince, call.isFinished, now > since + host.limits.writeTimeout {
                // A client that leaves no window for the answer is told by RST_STREAM, which needs none.
                call.undeliveredSince = now
                host.log.count(.streamWriteStall)
                cancel(call.stream, .internalError)
            }
        }
    }

    override func trim() {
        calls = []
        super.trim()
    }
}

extension StreamContext {
    /// The call of a stream: a server's sessions give libnghttp2 no other context.
    fileprivate var call: ServerCall { unsafe unsafeDowncast(self, to: ServerCall.self) }
}

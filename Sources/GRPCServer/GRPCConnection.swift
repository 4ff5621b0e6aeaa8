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

    /// What is wrong with a request that is no gRPC call.
    private enum Refusal {
        case http(status: Int, String)
        case call(RPCStatus)
    }

    private func refusal(of head: HeaderList) -> Refusal? {
        if head.isTruncated {
            let limits = host.limits
            return .call(
                RPCStatus(
                    .resourceExhausted,
                    "more than \(limits.maxHeaderListSize) bytes or \(limits.maxHeaderFields) fields in a header list"))
        }
        guard head.value(of: .method, hasPrefix: "POST"), unsafe head.bytes(of: .method)?.count == 4 else {
            return .http(status: 405, "gRPC calls are POSTs")
        }
        guard speaksGRPC(head) else {
            return .http(status: 415, "only gRPC is spoken here: content-type application/grpc")
        }
        return nil
    }

    /// Whether a request's type is gRPC's, with the format of its messages or parameters behind it at most (gRPC's
    /// `PROTOCOL-HTTP2.md`). gRPC-Web is something else.
    private func speaksGRPC(_ head: HeaderList) -> Bool {
        let name: StaticString = "application/grpc"
        guard head.value(of: .contentType, hasPrefix: name), let type = unsafe head.bytes(of: .contentType) else {
            return false
        }
        guard let next = unsafe type.dropFirst(name.utf8CodeUnitCount).first else { return true }
        return next == UInt8(ascii: "+") || next == UInt8(ascii: ";")
    }

    private func refuse(_ call: ServerCall, _ refusal: Refusal) {
        switch refusal {
        case .call(let status): finish(call, status)
        case .http(let status, let text):
            let body = Array("\(text)\n".utf8)
            let list = headerLists.take()
            list.append(":status", String(status))
            list.append("content-type", "text/plain; charset=utf-8")
            list.append("content-length", String(body.count))
            submitResponse(list, endStream: true, on: call.stream, context: call)
            headerLists.give(list)
            call.response = .sent
            sentData()
            markDirty()
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

    /// Takes in bytes of a request that come before all that wait. What the handler doesn't take of them is put back in front.
    private func take(_ bytes: UnsafeRawBufferPointer, _ call: ServerCall) {
        assert(call.putBack.isEmpty, "bytes are taken in their order")
        var bytes = unsafe bytes
        defer { recount(call) }
        while !call.isFinished {
            if call.isPaused {
                call.putBack = unsafe Array(bytes)
                return
            }
            do throws(MessageAssembler.Flaw) {
                guard let message = try unsafe call.assembler.next(&bytes) else { return }
                if let bytes = content(of: message, call) {
                    call.messageWasCompressed = message.isCompressed
                    received(bytes, call)
                }
            } catch {
                return finish(call, RPCStatus(error, most: worker.maxMessageSize))
            }
        }
    }

    /// Bytes of a message that are decompressed on the worker's thread, which takes half a millisecond.
    private static let mostInflatedAtOnce = 256 * 1024

    /// A message without its compression; `nil` if the call has ended for it, or until it has been decompressed in the pool.
    private func content(of message: MessageAssembler.Message, _ call: ServerCall) -> [UInt8]? {
        guard message.isCompressed else { return message.bytes }
        guard let coding = call.requestCoding else {
            call.addTrailingMetadata("grpc-accept-encoding", MessageCoding.accepted)
            finish(
                call,
                RPCStatus(
                    .unimplemented, "messages can be compressed by \(MessageCoding.accepted), and by nothing else"))
            return nil
        }
        guard coding != .identity else {
            finish(call, RPCStatus(.internal, "a message is compressed, but the call's head doesn't say how"))
            return nil
        }
        let most = worker.maxMessageSize
        do throws(MessageCoding.Flaw) {
            return try coding.decompress(message.bytes, most: min(most, Self.mostInflatedAtOnce))
        } catch .tooLong where most > Self.mostInflatedAtOnce {
            call.inflate(message.bytes, coding, most: most)
        } catch {
            refuse(error, of: coding, call)
        }
        return nil
    }

    private func refuse(_ flaw: MessageCoding.Flaw, of coding: MessageCoding, _ call: ServerCall) {
        switch flaw {
        case .tooLong: finish(call, RPCStatus(.tooLong(worker.maxMessageSize + 1), most: worker.maxMessageSize))
        case .damaged:
            finish(call, RPCStatus(.internal, "a message that can't be decompressed by \(coding.rawValue)"))
        }
    }

    /// Goes on with a message that the pool has decompressed.
    func inflated(_ result: Result<[UInt8], MessageCoding.Flaw>, _ coding: MessageCoding, _ call: ServerCall) {
        switch result {
        case .success(let message):
            call.messageWasCompressed = true
            received(message, call)
        case .failure(let flaw): refuse(flaw, of: coding, call)
        }
        if !call.isPaused { resume(call) }
    }

    private func received(_ message: [UInt8], _ call: ServerCall) {
        if let handler = call.handler { return handler.received(message, call) }
        guard call.unaryMessage == nil else {
            return finish(call, RPCStatus(.internal, "more than one message for a method that takes one"))
        }
        call.unaryMessage = message
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

    /// The last byte of a request has been taken in.
    private func requestEnded(_ call: ServerCall) {
        guard !call.isFinished, case .ended = call.request else { return }
        call.request = .delivered
        if call.assembler.isWithinMessage {
            return finish(call, RPCStatus(.internal, "the request ends within a message"))
        }
        if let handler = call.handler { return handler.requestEnded(call) }
        guard let message = call.unaryMessage else {
            return finish(call, RPCStatus(.internal, "no message for a method that takes one"))
        }
        call.unaryMessage = nil
        guard let place = call.methodPlace, case .unary(let answer) = worker.methods.methods[place].handler else {
            preconditionFailure("only unary methods have no handler")
        }
        switch answer(call, message) {
        case .message(let message, let compressed):
            send(message, compressed: compressed, on: call)
            finish(call, .ok)
        case .failure(let status): finish(call, status)
        case .background(let work):
            setDeadlineTimer(call)
            let encoder = call.encoder
            call.runInBackground(holding: message.count) {
                let result = work().map(encoder.encode)
                return { call in
                    switch result {
                    case .success(let message):
                        call.send(message)
                        call.finish()
                    case .failure(let status): call.finish(status)
                    }
                }
            }
        }
    }

    /// Goes on with what has come while the handler took nothing.
    func resume(_ call: ServerCall) {
        unsafe withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 16) { buffer in
            while !call.isPaused, !call.isFinished {
                if !call.putBack.isEmpty {
                    let bytes = call.putBack
                    call.putBack = []
                    unsafe bytes.withUnsafeBytes { unsafe take($0, call) }
                    continue
                }
                let count = unsafe call.waitingRequest.read(into: buffer, pool: chunks)
                if count == 0 { break }
                unsafe take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), call)
                consumeStream(count, on: call.stream)
            }
        }
        if call.isFinished { return dropRequest(call) }
        if !call.isPaused { requestEnded(call) }
        markDirty()
    }

    // MARK: The response goes out

    /// Sends the head of a response that has none.
    ///
    /// - Parameter mayCompress: whether messages behind it may be compressed; `nil` to do as the client does.
    func sendHead(_ call: ServerCall, mayCompress: Bool?) {
        call.response = .streaming
        call.compression.beginResponse(mayCompress: mayCompress, accepted: call.acceptedCodings)
        if call.hasInitialMetadata || call.compression.named != nil {
            let list = headerLists.take()
            list.append(":status", "200")
            list.append("content-type", "application/grpc")
            list.append("grpc-accept-encoding", MessageCoding.accepted)
            if let coding = call.compression.named { list.append("grpc-encoding", coding.rawValue) }
            call.writeInitialMetadata(to: list)
            submitResponse(list, endStream: false, on: call.stream, context: call)
            headerLists.give(list)
        } else {
            submitResponse(worker.usualHead, endStream: false, on: call.stream, context: call)
        }
        sentData()
        markDirty()
    }

    func send(_ message: [UInt8], compressed: Bool?, on call: ServerCall) {
        if case .waiting = call.response {
            // A method that decides for each message may want a later one compressed.
            sendHead(call, mayCompress: compressed.map { _ in true })
        }
        let coding = call.compression.coding(ofMessage: message.count, wanted: compressed)
        append(coding?.compress(message) ?? message, isCompressed: coding != nil, to: call)
    }

    func send(_ message: EncodedMessage, on call: ServerCall) {
        if case .waiting = call.response { sendHead(call, mayCompress: nil) }
        append(message.bytes, isCompressed: message.isCompressed, to: call)
    }

    private func append(_ bytes: [UInt8], isCompressed: Bool, to call: ServerCall) {
        let prefix = MessageAssembler.prefix(isCompressed: isCompressed, length: bytes.count)
        unsafe withUnsafeBytes(of: prefix) { unsafe call.responseBytes.append($0, from: chunks) }
        unsafe bytes.withUnsafeBytes { unsafe call.responseBytes.append($0, from: chunks) }
        if call.undeliveredSince == nil { call.undeliveredSince = host.loop.now }
        goOn(call)
    }

    /// Ends a call behind what waits to be sent.
    func finish(_ call: ServerCall, _ status: RPCStatus) {
        cancelDeadline(call)
        call.endWork()
        dropRequest(call)
        worker.count(call, status)
        guard case .waiting = call.response else {
            call.response = .ended(status)
            // libnghttp2 asks for nothing more while a stream has no window, but trailers need none.
            if call.responseBytes.isEmpty, peerWindow <= 0 || peerWindow(of: call.stream) <= 0 {
                submitTrailers(of: call, status)
                markDirty()
                return
            }
            return goOn(call)
        }
        call.response = .sent
        let list = headerLists.take()
        list.append(":status", "200")
        list.append("content-type", "application/grpc")
        call.writeInitialMetadata(to: list)
        call.writeTrailers(status, to: list)
        submitResponse(list, endStream: true, on: call.stream, context: call)
        headerLists.give(list)
        sentData()
        markDirty()
    }

    private func submitTrailers(of call: ServerCall, _ status: RPCStatus) {
        call.response = .sent
        if status.code == .ok, !call.hasTrailingMetadata {
            submitTrailers(worker.usualTrailers, on: call.stream)
        } else {
            let list = headerLists.take()
            call.writeTrailers(status, to: list)
            submitTrailers(list, on: call.stream)
            headerLists.give(list)
        }
        sentData()
    }

    private func goOn(_ call: ServerCall) {
        if call.awaitsBody {
            call.awaitsBody = false
            super.resume(call.stream)
        }
        markDirty()
    }

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
    private func recount(_ call: ServerCall) {
        worker.heldBytes += call.requestBytes - call.countedBytes
        call.countedBytes = call.requestBytes
    }

    /// Lets go of what has come of a request that nobody needs any more.
    private func dropRequest(_ call: ServerCall) {
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
    private func setDeadlineTimer(_ call: ServerCall) {
        guard let deadline = call.deadline, call.deadlineTimer == nil else { return }
        call.deadlineTimer = host.loop.schedule(after: deadline.since(host.loop.readClock())) { [unowned self] in
            call.deadlineTimer = nil
            end(call, Self.deadlineExceeded)
        }
    }

    private func cancelDeadline(_ call: ServerCall) {
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
        end(call, RPCStatus(.resourceExhausted, "the server is short of memory, and this call holds the most"))
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

extension RPCStatus {
    fileprivate init(_ flaw: MessageAssembler.Flaw, most: Int) {
        switch flaw {
        case .tooLong(let length):
            self.init(.resourceExhausted, "a message of \(length) bytes; allowed are at most \(most)")
        case .unknownFlag(let byte):
            self.init(.internal, "a message that begins with the byte \(byte), which is neither 0 nor 1")
        }
    }
}

extension StreamContext {
    /// The call of a stream: a server's sessions give libnghttp2 no other context.
    fileprivate var call: ServerCall { unsafe unsafeDowncast(self, to: ServerCall.self) }
}

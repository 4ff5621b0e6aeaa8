import Connections
import EventLoop
import Ground
import HTTP2

// What a client sends: heads, bytes and their messages, and the end.

extension GRPCConnection {
    /// What is wrong with a request that is no gRPC call.
    enum Refusal {
        case http(status: Int, String)
        case call(RPCStatus)
    }

    func refusal(of head: HeaderList) -> Refusal? {
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
    func speaksGRPC(_ head: HeaderList) -> Bool {
        let name: StaticString = "application/grpc"
        guard head.value(of: .contentType, hasPrefix: name), let type = unsafe head.bytes(of: .contentType) else {
            return false
        }
        guard let next = unsafe type.dropFirst(name.utf8CodeUnitCount).first else { return true }
        return next == UInt8(ascii: "+") || next == UInt8(ascii: ";")
    }

    func refuse(_ call: ServerCall, _ refusal: Refusal) {
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

    /// Takes in bytes of a request that come before all that wait. What the handler doesn't take of them is put back in front.
    func take(_ bytes: UnsafeRawBufferPointer, _ call: ServerCall) {
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
    static let mostInflatedAtOnce = 256 * 1024

    /// A message without its compression; `nil` if the call has ended for it, or until it has been decompressed in the pool.
    func content(of message: MessageAssembler.Message, _ call: ServerCall) -> [UInt8]? {
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

    func refuse(_ flaw: MessageCoding.Flaw, of coding: MessageCoding, _ call: ServerCall) {
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

    func received(_ message: [UInt8], _ call: ServerCall) {
        if let handler = call.handler { return handler.received(message, call) }
        guard call.unaryMessage == nil else {
            return finish(call, RPCStatus(.internal, "more than one message for a method that takes one"))
        }
        call.unaryMessage = message
    }

    /// The last byte of a request has been taken in.
    func requestEnded(_ call: ServerCall) {
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

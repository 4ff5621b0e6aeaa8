import Connections
import EventLoop
import Ground
import HTTP2

// What a client is sent.

extension GRPCConnection {
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

    func append(_ bytes: [UInt8], isCompressed: Bool, to call: ServerCall) {
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

    func submitTrailers(of call: ServerCall, _ status: RPCStatus) {
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

    func goOn(_ call: ServerCall) {
        if call.awaitsBody {
            call.awaitsBody = false
            super.resume(call.stream)
        }
        markDirty()
    }
}

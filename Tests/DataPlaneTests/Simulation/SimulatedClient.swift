import Connections
import CNghttp2
import DataPlane
import EventLoop
import Ground

/// A client with its calls. It checks that each call gets the bytes that its backend sent, in order, and that no
/// truncated response looks complete.
final class SimulatedClient: SimulatedPeer {
    private var calls: [Int32: CallRecord] = [:]
    /// Open calls in the order of their streams.
    private(set) var openCalls: [CallRecord] = []
    /// Whether DATA is credited as it arrives.
    var isEager = true
    /// Number of GOAWAY frames received.
    private(set) var goAways = 0
    /// The listener that it has connected to.
    let door: Door
    /// The metadata by which calls name a color.
    static let routeMetadata = "x-color"
    /// The metadata whose value a release keeps on one color.
    static let stickyMetadata = "x-user"

    init(
        _ name: String, by door: Door = .main, _ socket: FileDescriptor, settings: [(nghttp2_settings_id, Int)],
        _ journal: Journal
    ) {
        self.door = door
        super.init(.client, name, socket, settings: settings, journal)
    }

    var isToldToLeave: Bool { goAways > 0 }

    var takesCalls: Bool {
        // Before the Proxy's SETTINGS arrive, no more calls than the strictest scenario allows.
        unsafe isOpen && !isToldToLeave && (hasSettings || openCalls.count < 3)
            && nghttp2_session_check_request_allowed(session) != 0
    }

    // MARK: Actions

    func start(_ call: CallRecord, deadline: String?) {
        var list = [
            (":method", "POST"), (":scheme", "http"), (":path", "/simulation/\(call.id)"), (":authority", "simulated"),
            ("x-mark", CallRecord.mark(call.id)),
        ]
        if call.isGRPC { list += [("content-type", "application/grpc"), ("te", "trailers")] }
        if let deadline { list.append(("grpc-timeout", deadline)) }
        if case .metadata(let color) = call.wish { list.append((Self.routeMetadata, color.name)) }
        if let key = call.key { list.append((Self.stickyMetadata, key)) }
        list.append(("sluice-shadow", "1"))
        let isEmpty = call.uploadSize == 0 && call.ends
        let stream = unsafe Self.withMessage(list, hasBody: !isEmpty) { list, count, body in
            unsafe nghttp2_submit_request(session, nil, list, count, body, nil)
        }
        precondition(stream > 0)
        call.stream = stream
        if isEmpty { call.hasEnded = true }
        calls[stream] = call
        openCalls.append(call)
        journal.note { "\(name) starts \(call.name) on \(stream), gRPC \(call.isGRPC), \(call.uploadSize) bytes" }
    }

    /// Makes `count` more bytes of a request ready to send.
    func provide(_ count: Int, of call: CallRecord) {
        call.ready = min(call.uploadSize, call.ready + count)
        unsafe nghttp2_session_resume_data(session, call.stream)
    }

    func cancel(_ call: CallRecord, _ code: UInt32) {
        // Only the first reset: libnghttp2 withdraws the HEADERS of a stream that it hasn't sent, but would still send
        // a second RST_STREAM.
        guard call.excuses.insert(.clientReset).inserted else { return }
        journal.note { "\(name) resets \(call.name) (\(code))" }
        reset(call.stream, code)
    }

    func read(_ call: CallRecord, _ count: Int) {
        let count = min(count, call.unread)
        guard count > 0 else { return }
        call.unread -= count
        credit(count, on: call.stream)
    }

    /// Reads everything that has come, and makes every request ready to its end.
    func cooperate() {
        (isReading, isWriting, isEager) = (true, true, true)
        for call in openCalls {
            read(call, call.unread)
            call.ends = true
            provide(call.uploadSize, of: call)
        }
    }

    func leave() {
        for call in openCalls { call.excuses.insert(.clientLost) }
        close("it has enough")
    }

    // MARK: Events

    override func body(of stream: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>) -> Body {
        guard let call = calls[stream] else { return .nothingYet }
        let count = min(buffer.count, call.ready - call.sent)
        let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<count])
        unsafe BodyPattern.write(call.requestKey, after: call.requestPrefix, from: call.sent, into: part)
        call.sent += count
        if call.sent == call.uploadSize, call.ends {
            call.hasEnded = true
            return .last(count)
        }
        return count > 0 ? .bytes(count) : .nothingYet
    }

    override func headersReceived(on stream: Int32, endStream: Bool) {
        guard let call = calls[stream] else { return }
        if let status = value(of: ":status").flatMap({ Int($0) }) {
            if status < 200 {
                journal.expect(!call.isGRPC, "\(call.name): a gRPC call gets no interim response")
                return
            }
            journal.expect(call.status == nil, "\(call.name) has one response")
            call.status = status
            if let color = value(of: "sluice-color"), let epoch = value(of: "sluice-epoch") {
                call.announced = (color, epoch)
            }
            if let name = value(of: "x-attempt") { take(name, call) }
            if endStream, call.isGRPC { takeStatus(call) }
        } else {
            journal.expect(endStream, "\(call.name): trailers end a stream")
            if call.isGRPC { takeStatus(call) }
        }
    }

    /// Takes a response's head that names the attempt it belongs to.
    private func take(_ name: String, _ call: CallRecord) {
        let parts = name.split(separator: ".").compactMap { Int($0) }
        guard parts.count == 2, parts[0] == call.id, call.attempts.indices.contains(parts[1]) else {
            return journal.violated("\(call.name) gets the response of \(name)")
        }
        let attempt = call.attempts[parts[1]]
        journal.expect(
            value(of: "x-mark") == CallRecord.mark(call.id + 1), "\(call.name): a field is not what was sent")
        journal.expect(attempt.headIsSent, "\(call.name) gets no head before it was sent")
        journal.expect(
            attempt.number == call.attempts.count - 1, "\(call.name) is not tried again once its response has begun")
        call.answering = attempt
        if let announced = call.announced {
            journal.expect(announced.color == attempt.color.name, "\(call.name) is told who answers")
        }
    }

    private func takeStatus(_ call: CallRecord) {
        call.grpcStatus = value(of: "grpc-status").flatMap { Int($0) }
        journal.expect(call.grpcStatus != nil, "\(call.name): a gRPC call ends with a status")
        if let end = value(of: "x-end") {
            call.endIsBackends = true
            journal.expect(end == call.answering?.name, "\(call.name) gets the end of \(end)")
        }
    }

    override func dataReceived(_ bytes: UnsafeBufferPointer<UInt8>, on stream: Int32) {
        guard let call = calls[stream] else { return creditConnection(bytes.count) }
        if let attempt = call.answering {
            let isSent = call.received + bytes.count <= attempt.sent
            unsafe journal.expect(
                isSent && BodyPattern.matches(bytes, attempt.key, after: call.responsePrefix, at: call.received),
                "\(call.name) gets bytes that were not sent to it")
        } else {
            journal.expect(!call.isGRPC, "\(call.name) gets bytes that no backend has sent")
        }
        call.received += bytes.count
        call.unread += bytes.count
        if isEager { read(call, call.unread) }
    }

    override func endReceived(on stream: Int32) {
        guard let call = calls[stream] else { return }
        guard let attempt = call.answering, !call.isGRPC || call.endIsBackends else {
            journal.expect(!call.isGRPC || call.grpcStatus != nil, "\(call.name) ends with a status")
            journal.expect(
                call.isGRPC || call.answering == nil, "\(call.name): what is cut short doesn't look complete")
            return
        }
        journal.expect(
            attempt.hasEnded && call.received == attempt.sent,
            "\(call.name) ends with \(call.received) of \(attempt.sent) bytes")
        journal.expect(
            !call.isGRPC || call.grpcStatus == attempt.grpcStatus, "\(call.name) has the backend's status")
        call.endIsBackends = true
    }

    override func streamClosed(_ stream: Int32, _ code: UInt32) {
        guard let call = calls[stream] else { return }
        end(call, code == 0 ? .complete : .reset(code))
        calls[stream] = nil
        openCalls.removeAll { $0 === call }
        if call.unread > 0 {
            creditConnection(call.unread)
            call.unread = 0
        }
    }

    private func end(_ call: CallRecord, _ outcome: CallRecord.Outcome) {
        call.outcome = outcome
        let status = (call.status ?? 0, call.grpcStatus ?? -1)
        journal.note { "\(call.name) ends: \(outcome), \(status), \(call.received) bytes" }
        journal.add(call.id)
        journal.add(status.0 + 1000 * status.1)
        // A client may cancel a call with NO_ERROR, so only other calls need a response.
        if case .complete = outcome, !call.excuses.contains(.clientReset) {
            journal.expect(call.status != nil, "\(call.name) doesn't end without a response")
        }
    }

    override func goAwayReceived(_ code: UInt32) {
        goAways += 1
    }

    override func closed() {
        for call in openCalls { end(call, .lost) }
        (calls, openCalls) = ([:], [])
    }
}

extension ColorName {
    /// The name as clients write it.
    var name: String {
        switch self {
        case .color(let color): color.name
        case .active: "active"
        case .idle: "idle"
        }
    }
}

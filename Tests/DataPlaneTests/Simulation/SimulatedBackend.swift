import CNghttp2
import DataPlane
import EventLoop
import Ground

/// The backend's end of one of the worker's connections. It checks that each request arrives as its client sent it, and
/// that no truncated one looks complete; it answers as the simulation decides.
final class SimulatedBackend: SimulatedPeer {
    /// Questions that a backend asks the simulation.
    struct Control {
        var call: (_ id: Int) -> CallRecord?
        var plan: (CallRecord) -> (Attempt.Plan, ready: Int, grpcStatus: Int)
        var planOfCopy: () -> (Attempt.Plan, ready: Int, grpcStatus: Int) = { (.hold, 0, 0) }
        /// Whether a call may have been routed to a color.
        var isRight: (Color, CallRecord) -> Bool
    }

    let color: Color
    private let control: Control
    private var attempts: [Int32: Attempt] = [:]
    private(set) var openAttempts: [Attempt] = []
    /// Every call that has reached this connection. Ended ones count as well: their answers may not have reached the
    /// Proxy yet.
    private var calls: [CallRecord] = []
    var isEager = true
    private var isCooperating = false
    private(set) var isLeaving = false
    /// Whether the connection carries copies; `nil` before its first call.
    private var isForCopies: Bool?

    init(
        _ name: String, _ color: Color, _ socket: FileDescriptor, noise: Int, settings: [(nghttp2_settings_id, Int)],
        _ control: Control, _ journal: Journal
    ) {
        self.color = color
        self.control = control
        super.init(.server, name, socket, noise: noise, settings: settings, journal)
    }

    // MARK: Actions

    func cooperate() {
        (isReading, isWriting, isEager, isCooperating) = (true, true, true, true)
        for attempt in openAttempts {
            read(attempt, attempt.unread)
            if case .hold = attempt.plan { attempt.plan = .answer(size: 100, early: false) }
            attempt.ready = .max
            goOn(attempt)
        }
    }

    func read(_ attempt: Attempt, _ count: Int) {
        let count = min(count, attempt.unread)
        guard count > 0 else { return }
        attempt.unread -= count
        credit(count, on: attempt.stream)
    }

    /// Makes `count` more bytes of a response ready to send.
    func provide(_ count: Int, of attempt: Attempt) {
        attempt.ready += count
        goOn(attempt)
    }

    func fail(_ attempt: Attempt, _ code: UInt32) {
        guard attempt.resetCode == nil, !attempt.isOver else { return }
        attempt.resetCode = code
        journal.note { "\(name) resets \(attempt.name) (\(code)) after \(attempt.sent) bytes" }
        reset(attempt.stream, code)
    }

    func announceEnd() {
        // A call that arrived between the two would be declared unprocessed and answered all the same.
        guard !isLeaving, hasSentAll else { return }
        isLeaving = true
        journal.note { "\(name) says GOAWAY" }
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe nghttp2_submit_goaway(session, 0, last, 0, nil, 0)
        _ = send(atMost: 1 << 20)
    }

    func breakOff() {
        for call in calls where call.outcome == .open { call.excuses.insert(.backendLost) }
        close("it breaks off")
    }

    // MARK: Events

    override func headersReceived(on stream: Int32, endStream: Bool) {
        if let attempt = attempts[stream] {
            return journal.violated("\(attempt.name): no trailers go to backends")
        }
        let path = value(of: ":path") ?? ""
        guard path.hasPrefix("/simulation/"), let id = Int(path.dropFirst(12)), let call = control.call(id) else {
            return journal.violated("\(name) gets a request that no client has sent: \(path)")
        }
        let isCopy = value(of: "sluice-shadow") == "1"
        journal.expect(
            isForCopies ?? isCopy == isCopy, "\(name) has a connection with calls alone, or with copies alone")
        isForCopies = isCopy
        journal.expect(value(of: "x-mark") == CallRecord.mark(id), "\(call.name): a field is not what was sent")
        journal.expect(
            value(of: "te") == (call.isGRPC ? "trailers" : nil) && value(of: ":authority") == "simulated",
            "\(call.name): the head is what was sent")
        journal.expect(
            value(of: SimulatedClient.routeMetadata) == nil,
            "\(call.name): no backend gets \(SimulatedClient.routeMetadata)")
        if isCopy { return copyReceived(of: call, on: stream) }
        journal.expect(value(of: "sluice-shadow") == nil, "\(call.name): no backend gets sluice-shadow")
        journal.expect(
            control.isRight(color, call), "\(call.name) goes to \(color), which is neither active nor asked for")
        journal.expect(
            call.attempts.allSatisfy { $0.color == color }, "\(call.name) is tried again on its own color")
        journal.expect(call.attempts.allSatisfy { !$0.hasEnded }, "\(call.name) is not tried again once it is answered")
        journal.expect(
            call.attempts.allSatisfy { !$0.headIsSent || $0.isOver }, "\(call.name) is at one backend at a time")
        journal.expect(call.attempts.count < 2, "\(call.name) is tried again once")
        let attempt = begin(call, on: stream, control.plan(call), isCopy: false)
        call.attempts.append(attempt)
        calls.append(call)
        goOn(attempt)
    }

    private func begin(
        _ call: CallRecord, on stream: Int32, _ plan: (Attempt.Plan, ready: Int, grpcStatus: Int), isCopy: Bool
    ) -> Attempt {
        let attempt = Attempt(call, color, stream, plan.0, grpcStatus: plan.grpcStatus, isCopy: isCopy)
        attempt.ready = isCooperating ? .max : plan.ready
        if isCooperating { attempt.plan = .answer(size: attempt.size, early: false) }
        attempts[stream] = attempt
        openAttempts.append(attempt)
        journal.note { "\(name) gets \(attempt.name) on \(stream), will \(attempt.plan)" }
        return attempt
    }

    private func copyReceived(of call: CallRecord, on stream: Int32) {
        journal.expect(call.isGRPC, "\(call.name) is copied, and is a gRPC call")
        journal.expect(call.wish == .none, "\(call.name) is copied, and has asked for no color")
        journal.expect(call.copies.count < 2, "\(call.name) is copied to each color once")
        journal.expect(
            call.copies.allSatisfy { $0.color != color }, "\(call.name) is copied to the color that has a copy of it")
        let attempt = begin(call, on: stream, control.planOfCopy(), isCopy: true)
        call.copies.append(attempt)
        goOn(attempt)
    }

    override func dataReceived(_ bytes: UnsafeBufferPointer<UInt8>, on stream: Int32) {
        guard let attempt = attempts[stream] else { return creditConnection(bytes.count) }
        let call = attempt.call
        unsafe journal.expect(
            attempt.received + bytes.count <= call.sent
                && BodyPattern.matches(bytes, call.requestKey, after: call.requestPrefix, at: attempt.received),
            "\(attempt.name): a backend gets bytes that were not sent to it")
        attempt.received += bytes.count
        attempt.unread += bytes.count
        if isEager { read(attempt, attempt.unread) }
        goOn(attempt)
    }

    override func endReceived(on stream: Int32) {
        guard let attempt = attempts[stream] else { return }
        attempt.requestHasEnded = true
        journal.expect(
            attempt.call.hasEnded && attempt.received == attempt.call.sent,
            "\(attempt.name): a request that is cut short doesn't look complete")
        goOn(attempt)
    }

    private func goOn(_ attempt: Attempt) {
        guard !attempt.isOver, attempt.resetCode == nil else { return }
        switch attempt.plan {
        case .hold: break
        case .refuse: fail(attempt, UInt32(NGHTTP2_REFUSED_STREAM.rawValue))
        case .reset(let code, let afterHead, let bytes):
            if !afterHead { return fail(attempt, code) }
            sendHead(attempt, endStream: false)
            if attempt.sent >= bytes { return fail(attempt, code) }
            unsafe nghttp2_session_resume_data(session, attempt.stream)
        case .trailersOnly:
            guard attempt.requestHasEnded else { return }
            if attempt.call.isGRPC {
                sendHead(attempt, endStream: true)
            } else {
                attempt.plan = .answer(size: 0, early: false)
                goOn(attempt)
            }
        case .answer(_, let early):
            guard early || attempt.requestHasEnded else { return }
            sendHead(attempt, endStream: false)
            unsafe nghttp2_session_resume_data(session, attempt.stream)
        }
    }

    private func sendHead(_ attempt: Attempt, endStream: Bool) {
        guard !attempt.headIsSent else { return }
        attempt.headIsSent = true
        var list = [
            (":status", "200"), ("x-attempt", attempt.name), ("x-mark", CallRecord.mark(attempt.call.id + 1)),
            ("sluice-color", "a backend's"), ("sluice-epoch", "0"),
        ]
        if attempt.call.isGRPC { list.append(("content-type", "application/grpc")) }
        if endStream {
            list += [("grpc-status", "\(attempt.grpcStatus)"), ("x-end", attempt.name)]
            attempt.hasEnded = true
        }
        if attempt.call.id % 5 == 0 {
            _ = unsafe Self.withList([(":status", "103"), ("link", "x")]) { list, count in
                unsafe nghttp2_submit_headers(session, 0, attempt.stream, nil, list, count, nil)
            }
        }
        unsafe Self.withMessage(list, hasBody: !endStream) { list, count, body in
            _ = unsafe nghttp2_submit_response(session, attempt.stream, list, count, body)
        }
    }

    override func body(of stream: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>) -> Body {
        guard let attempt = attempts[stream] else { return .nothingYet }
        let most =
            switch attempt.plan {
            case .reset(_, _, let bytes): bytes
            default: attempt.size
            }
        let count = max(0, min(buffer.count, min(most, attempt.ready) - attempt.sent))
        unsafe BodyPattern.write(
            attempt.key, after: attempt.call.responsePrefix, from: attempt.sent,
            into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        attempt.sent += count
        switch attempt.plan {
        case .answer(let size, _) where attempt.sent >= size && attempt.resetCode == nil:
            attempt.hasEnded = true
            guard attempt.call.isGRPC else { return .last(count) }
            _ = unsafe Self.withList([("grpc-status", "\(attempt.grpcStatus)"), ("x-end", attempt.name)]) {
                list, length in
                unsafe nghttp2_submit_trailer(session, stream, list, length)
            }
            return .lastBeforeTrailers(count)
        case .reset(let code, _, let bytes) where attempt.sent >= bytes && attempt.resetCode == nil:
            // The RST_STREAM goes out after this frame.
            fail(attempt, code)
        default: break
        }
        return count > 0 ? .bytes(count) : .nothingYet
    }

    override func streamClosed(_ stream: Int32, _ code: UInt32) {
        guard let attempt = attempts[stream] else { return }
        attempt.isOver = true
        attempts[stream] = nil
        openAttempts.removeAll { $0 === attempt }
        journal.note { "\(name) is done with \(attempt.name) (\(code))" }
        if attempt.unread > 0 { creditConnection(attempt.unread) }
    }

    override func closed() {
        for attempt in openAttempts { attempt.isOver = true }
        (attempts, openAttempts) = ([:], [])
    }
}

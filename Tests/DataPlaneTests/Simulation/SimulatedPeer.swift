import CNghttp2
import EventLoop
import Glibc
import Ground

/// The far end of one of the worker's connections: a plain session of libnghttp2, which shares no code with the Proxy's
/// `Session`, over a socket that reads and writes as much as the simulation lets it. Anything that isn't HTTP/2 is a
/// violation.
///
/// Soundness: `session` is made in `init` and freed in `deinit`, and its callbacks run on the test's own thread.
@safe
class SimulatedPeer {
    enum Side {
        case client
        case server
    }

    let name: String
    let journal: Journal
    private(set) var session: OpaquePointer!
    private var socket: FileDescriptor?
    private var unsent: [UInt8] = []
    private var unsentStart = 0
    var isReading = true
    var isWriting = true
    /// Filler bytes still to be skipped, which `SocketEnds.fill` put ahead of the connection's own.
    private var noise: Int
    /// Fields of the header list that is arriving.
    private(set) var fields: [(name: String, value: String)] = []
    /// Whether the Proxy's SETTINGS have arrived.
    private(set) var hasSettings = false
    private var isPinging = false

    init(
        _ side: Side, _ name: String, _ socket: FileDescriptor, noise: Int = 0, settings: [(nghttp2_settings_id, Int)],
        _ journal: Journal
    ) {
        self.name = name
        self.socket = socket
        self.noise = noise
        self.journal = journal
        let user = unsafe Unmanaged.passUnretained(self).toOpaque()
        let result =
            switch side {
            case .client:
                unsafe nghttp2_session_client_new2(&session, PeerCallbacks.callbacks, user, PeerCallbacks.options)
            case .server:
                unsafe nghttp2_session_server_new2(&session, PeerCallbacks.callbacks, user, PeerCallbacks.options)
            }
        precondition(result == 0)
        submit(settings)
    }

    deinit { unsafe nghttp2_session_del(session) }

    func submit(_ settings: [(nghttp2_settings_id, Int)]) {
        let entries = settings.map { nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32($0.1)) }
        unsafe precondition(nghttp2_submit_settings(session, 0, entries, entries.count) == 0)
    }

    var isOpen: Bool { socket != nil }

    /// Whether the socket has taken everything that the session had to send.
    var hasSentAll: Bool { unsafe unsentStart == unsent.count && nghttp2_session_want_write(session) == 0 }

    // MARK: Bytes

    /// - Returns: whether bytes moved or the connection closed.
    func receive(atMost most: Int) -> Bool {
        guard let socket else { return false }
        var left = most
        var buffer = [UInt8](repeating: 0, count: min(most, 1 << 16))
        while left > 0 {
            let count = unsafe recv(socket.number, &buffer, min(left, buffer.count), 0)
            if count < 0 {
                if errno == EAGAIN { break }
                close("the connection is broken")
                return true
            }
            if count == 0 {
                close("the Proxy has closed the connection")
                return true
            }
            left -= count
            let skipped = min(noise, count)
            noise -= skipped
            let bytes = buffer[skipped..<count]
            guard !bytes.isEmpty else { continue }
            journal.add(bytes)
            let result = unsafe bytes.withUnsafeBufferPointer {
                unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
            }
            if result < 0 {
                journal.violated("\(name): what the Proxy sends is no HTTP/2: \(Self.text(Int32(result)))")
                close("no HTTP/2")
                return true
            }
        }
        return left < most
    }

    private static func text(_ code: Int32) -> String { unsafe String(cString: nghttp2_strerror(code)) }

    /// - Returns: whether bytes moved or the connection closed.
    func send(atMost most: Int) -> Bool {
        guard let socket else { return false }
        if unsentStart == unsent.count {
            (unsent, unsentStart) = ([], 0)
            var bytes: UnsafePointer<UInt8>?
            while unsent.count < 1 << 16, case let count = unsafe nghttp2_session_mem_send(session, &bytes), count > 0 {
                unsafe unsent += UnsafeBufferPointer(start: bytes, count: count)
            }
        }
        let count = min(most, unsent.count - unsentStart)
        if count == 0 {
            let isDone = unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
            if isDone, unsentStart == unsent.count { close("done") }
            return isDone
        }
        let sent = unsafe unsent[unsentStart..<(unsentStart + count)].withUnsafeBytes {
            unsafe Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if sent < 0 {
            if errno == EAGAIN { return false }
            // The Proxy has closed the connection; what it sent before that is still to be read.
            (unsent, unsentStart) = ([], 0)
            return false
        }
        unsentStart += sent
        return true
    }

    /// Closes the socket; bytes on their way are lost.
    func close(_ reason: String) {
        guard socket != nil else { return }
        journal.note { "\(name) closes: \(reason)" }
        socket = nil
        closed()
    }

    /// Called once, when the connection has closed.
    func closed() {}

    // MARK: Messages

    /// Passes `use` a list of fields as libnghttp2 takes them.
    static func withList<Result>(
        _ fields: [(String, String)], _ use: (UnsafePointer<nghttp2_nv>, Int) -> Result
    ) -> Result {
        var bytes: [UInt8] = []
        var ranges: [(name: Int, value: Int, end: Int)] = []
        for (name, value) in fields {
            let start = bytes.count
            bytes += name.utf8
            let middle = bytes.count
            bytes += value.utf8
            ranges.append((start, middle, bytes.count))
        }
        return unsafe bytes.withUnsafeMutableBufferPointer { bytes in
            // The pointers needn't outlive the call: libnghttp2 copies names and values.
            let list = unsafe ranges.map { range in
                unsafe nghttp2_nv(
                    name: bytes.baseAddress! + range.name, value: bytes.baseAddress! + range.value,
                    namelen: range.value - range.name, valuelen: range.end - range.value, flags: 0)
            }
            return unsafe use(list, list.count)
        }
    }

    /// Passes `use` a message: its fields, and the source of its body if it has one.
    static func withMessage<Result>(
        _ fields: [(String, String)], hasBody: Bool,
        _ use: (UnsafePointer<nghttp2_nv>, Int, UnsafePointer<nghttp2_data_provider>?) -> Result
    ) -> Result {
        let provider = unsafe nghttp2_data_provider(
            source: nghttp2_data_source(fd: 0), read_callback: PeerCallbacks.readBody)
        return unsafe withList(fields) { list, count in
            unsafe withUnsafePointer(to: provider) { unsafe use(list, count, hasBody ? $0 : nil) }
        }
    }

    /// Sends a PING unless one is on its way: gRPC's clients wait for the answer, and the Proxy ends the connection of
    /// one that doesn't.
    func ping() {
        guard !isPinging else { return }
        isPinging = true
        unsafe nghttp2_submit_ping(session, 0, nil)
    }

    func reset(_ stream: Int32, _ code: UInt32) {
        unsafe nghttp2_submit_rst_stream(session, 0, stream, code)
    }

    func credit(_ count: Int, on stream: Int32) {
        unsafe nghttp2_session_consume(session, stream, count)
    }

    /// Gives connection credit for bytes of a stream that has closed.
    func creditConnection(_ count: Int) {
        unsafe nghttp2_session_consume_connection(session, count)
    }

    func value(of name: String) -> String? { fields.first { $0.name == name }?.value }

    // MARK: Events

    func headersReceived(on stream: Int32, endStream: Bool) {}
    func dataReceived(_ bytes: UnsafeBufferPointer<UInt8>, on stream: Int32) {}
    func endReceived(on stream: Int32) {}
    func streamClosed(_ stream: Int32, _ code: UInt32) {}
    func goAwayReceived(_ code: UInt32) {}

    enum Body {
        case bytes(Int)
        case last(Int)
        case lastBeforeTrailers(Int)
        case nothingYet
    }

    func body(of stream: Int32, into buffer: UnsafeMutableBufferPointer<UInt8>) -> Body { .nothingYet }

    fileprivate func listBegins() { fields = [] }
    fileprivate func add(_ name: String, _ value: String) { fields.append((name, value)) }

    fileprivate func received(_ frame: UnsafePointer<nghttp2_frame>) {
        let stream = unsafe nghttp2_shim_stream(frame)
        let type = unsafe nghttp2_shim_type(frame)
        switch nghttp2_frame_type(UInt32(type)) {
        case NGHTTP2_DATA:
            if unsafe Self.endsStream(frame) { endReceived(on: stream) }
        case NGHTTP2_HEADERS:
            unsafe headersReceived(on: stream, endStream: Self.endsStream(frame))
            if unsafe Self.endsStream(frame) { endReceived(on: stream) }
        case NGHTTP2_SETTINGS: hasSettings = true
        case NGHTTP2_PING:
            if unsafe nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { isPinging = false }
        case NGHTTP2_GOAWAY:
            journal.note { unsafe "\(name) gets GOAWAY(\(nghttp2_shim_goaway_code(frame)))" }
            unsafe goAwayReceived(nghttp2_shim_goaway_code(frame))
        default: break
        }
    }

    private static func endsStream(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        unsafe nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    }

    fileprivate func sent(_ frame: UnsafePointer<nghttp2_frame>) {
        guard unsafe nghttp2_shim_type(frame) == UInt8(NGHTTP2_GOAWAY.rawValue) else { return }
        let code = unsafe nghttp2_shim_goaway_code(frame)
        let text = unsafe UnsafeBufferPointer(
            start: nghttp2_shim_goaway_text(frame), count: nghttp2_shim_goaway_text_length(frame))
        // The simulation's own GOAWAYs have the code 0. Another one comes from libnghttp2, which found an error.
        let words = unsafe String(decoding: text, as: UTF8.self)
        journal.expect(code == 0, "\(name): the Proxy breaks HTTP/2 (\(code)): \(words)")
    }

    fileprivate func invalid(_ frame: UnsafePointer<nghttp2_frame>, _ code: Int32) {
        // A lowered stream limit may not have reached the Proxy yet.
        if code == NGHTTP2_ERR_REFUSED_STREAM.rawValue { return }
        let (type, stream) = unsafe (nghttp2_shim_type(frame), nghttp2_shim_stream(frame))
        journal.violated(
            "\(name): a frame of type \(type) on stream \(stream) is wrong: \(Self.text(code))")
    }
}

/// The C functions through which libnghttp2 calls a `SimulatedPeer`, which outlives its session.
private enum PeerCallbacks {
    /// Made once; never changed or freed.
    nonisolated(unsafe) static let callbacks: OpaquePointer = unsafe makeCallbacks()
    nonisolated(unsafe) static let options: OpaquePointer = unsafe makeOptions()

    private static func peer(_ user: UnsafeMutableRawPointer?) -> SimulatedPeer {
        unsafe Unmanaged<SimulatedPeer>.fromOpaque(user!).takeUnretainedValue()
    }

    private static func makeOptions() -> OpaquePointer {
        var options: OpaquePointer?
        unsafe precondition(nghttp2_option_new(&options) == 0)
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        return unsafe options!
    }

    private static func makeCallbacks() -> OpaquePointer {
        var pointer: OpaquePointer?
        unsafe precondition(nghttp2_session_callbacks_new(&pointer) == 0)
        let callbacks = unsafe pointer!
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, _, user in
            unsafe PeerCallbacks.peer(user).listBegins()
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, _, name, nameLength, value, valueLength, _, user in
            unsafe PeerCallbacks.peer(user).add(
                String(decoding: UnsafeBufferPointer(start: name, count: nameLength), as: UTF8.self),
                String(decoding: UnsafeBufferPointer(start: value, count: valueLength), as: UTF8.self))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            unsafe PeerCallbacks.peer(user).received(frame!)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, stream, bytes, count, user in
            unsafe PeerCallbacks.peer(user).dataReceived(UnsafeBufferPointer(start: bytes, count: count), on: stream)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, stream, code, user in
            unsafe PeerCallbacks.peer(user).streamClosed(stream, code)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            unsafe PeerCallbacks.peer(user).sent(frame!)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks) { _, frame, code, user in
            unsafe PeerCallbacks.peer(user).invalid(frame!, code)
            return 0
        }
        return unsafe callbacks
    }

    static let readBody: nghttp2_data_source_read_callback = { _, stream, bytes, length, flags, _, user in
        switch unsafe PeerCallbacks.peer(user).body(
            of: stream, into: UnsafeMutableBufferPointer(start: bytes, count: length))
        {
        case .bytes(let count): return count
        case .last(let count):
            unsafe flags!.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
            return count
        case .lastBeforeTrailers(let count):
            unsafe flags!.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            return count
        case .nothingYet: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
    }
}

import CNghttp2

/// The C functions that libnghttp2 calls back, and the way from there to a session and a stream's context.
///
/// Soundness: a callback runs only inside a call into libnghttp2 that a `Session` makes, so the session that the user
/// data points to is alive and on its own thread; a stream's context is kept alive by its owner until `streamClosed`.
enum SessionCallbacks {
    /// Made once, never changed and never freed.
    nonisolated(unsafe) static let shared: OpaquePointer = unsafe make()

    /// Lends a description of the source of a stream's DATA; libnghttp2 copies it.
    @inline(__always)
    static func withBodyProvider<Result>(
        _ context: UnsafeMutableRawPointer, _ use: (UnsafePointer<nghttp2_data_provider>) -> Result
    ) -> Result {
        unsafe withUnsafePointer(
            to: nghttp2_data_provider(source: nghttp2_data_source(ptr: context), read_callback: readBody), use)
    }

    private static func make() -> OpaquePointer {
        var pointer: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&pointer) == 0, let callbacks = unsafe pointer else {
            fatalError("libnghttp2 is out of memory")
        }
        unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, beginFrame)
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataReceived)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frameNotSent)
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
        unsafe nghttp2_session_callbacks_set_unpack_extension_callback(
            callbacks, { _, _, _, _ in SessionCallbacks.ignored })
        unsafe nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(
            callbacks, { _, _, _, _, _ in SessionCallbacks.ignored })
        return unsafe callbacks
    }

    /// Lends the session without counting a reference: the caller into libnghttp2 keeps it alive.
    @inline(__always)
    private static func with<Result>(_ userData: UnsafeMutableRawPointer?, _ body: (Session) -> Result) -> Result {
        unsafe Unmanaged<Session>.fromOpaque(userData!)._withUnsafeGuaranteedRef(body)
    }

    /// Lends a stream's context in the same way.
    ///
    /// - Returns: `nil` for a stream that has none (any more).
    @inline(__always)
    private static func withContext<Result>(
        _ pointer: UnsafeMutableRawPointer?, _ body: (StreamContext) -> Result
    ) -> Result? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe Unmanaged<StreamContext>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
    }

    // MARK: Header lists

    private static let beginFrame: nghttp2_on_begin_frame_callback = { _, header, userData in
        guard let header = unsafe header?.pointee else { return 0 }
        let frame: IncomingFrame
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_DATA where header.length > 0: frame = .data
        case NGHTTP2_HEADERS: frame = .headers
        default: frame = .control
        }
        return unsafe with(userData) { $0.frameBegan(frame) } ? 0 : failure
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, userData in
        guard let frame = unsafe frame else { return 0 }
        unsafe with(userData) { session in
            guard unsafe nghttp2_shim_is_request(frame) != 0 else { return }
            let stream = unsafe nghttp2_shim_stream(frame)
            session.setContext(session.requestBegan(on: stream), of: stream)
        }
        return 0
    }

    /// The result that makes libnghttp2 skip the rest of a frame.
    private static let ignored = Int32(NGHTTP2_ERR_CANCEL.rawValue)

    /// The result that ends `nghttp2_session_mem_recv` at once.
    private static let failure = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)

    // MARK: Frames

    private static let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, userData in
        guard let frame = unsafe frame else { return 0 }
        return unsafe with(userData) { unsafe received(frame, $0) }
    }

    private static func received(_ frame: UnsafePointer<nghttp2_frame>, _ session: Session) -> Int32 {
        let stream = unsafe nghttp2_shim_stream(frame)
        switch unsafe nghttp2_frame_type(UInt32(nghttp2_shim_type(frame))) {
        case NGHTTP2_DATA:
            if unsafe nghttp2_shim_is_padding(frame) != 0, !session.frameBegan(.control) { return failure }
            guard unsafe endsStream(frame) else { return 0 }
            unsafe withContext(session.context(of: stream)) { session.endReceived(on: stream, $0) }
        case NGHTTP2_HEADERS:
            unsafe headersReceived(frame, session)
        case NGHTTP2_RST_STREAM:
            unsafe withContext(session.context(of: stream)) {
                unsafe session.resetReceived(ErrorCode(rawValue: nghttp2_shim_reset_code(frame)), on: stream, $0)
            }
        case NGHTTP2_SETTINGS:
            guard unsafe nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 else {
                session.settingsAcknowledged()
                return 0
            }
            session.settingsReceived()
        case NGHTTP2_PING:
            guard unsafe nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 else {
                return session.pingReceived() ? 0 : failure
            }
            unsafe session.pingAnswered(nghttp2_shim_ping_payload(frame))
        case NGHTTP2_WINDOW_UPDATE:
            let increment = unsafe Int(nghttp2_shim_window_increment(frame))
            guard stream != 0 else {
                session.connectionCredited(increment)
                return 0
            }
            unsafe withContext(session.context(of: stream)) { session.streamCredited(increment, on: stream, $0) }
        case NGHTTP2_GOAWAY:
            unsafe session.goAwayReceived(
                lastStream: nghttp2_shim_goaway_last(frame), ErrorCode(rawValue: nghttp2_shim_goaway_code(frame)))
        default:
            break
        }
        return 0
    }

    private static func headersReceived(_ frame: UnsafePointer<nghttp2_frame>, _ session: Session) {
        guard let list = session.takeHeaderList() else { return }
        let stream = unsafe nghttp2_shim_stream(frame)
        let isTaken: Void? = unsafe withContext(session.context(of: stream)) { context in
            switch session.role {
            case .server where unsafe nghttp2_shim_is_request(frame) != 0:
                unsafe session.requestReceived(list, endStream: endsStream(frame), on: stream, context)
            case .client where list.has(.status):
                if list.value(of: .status, hasPrefix: "1") {
                    session.informationalReceived(list, on: stream, context)
                } else {
                    unsafe session.responseReceived(list, endStream: endsStream(frame), on: stream, context)
                }
            case .server, .client:
                session.trailersReceived(list, on: stream, context)
            }
        }
        if isTaken == nil { session.headerLists.give(list) }
    }

    private static let dataReceived: nghttp2_on_data_chunk_recv_callback = {
        _, _, stream, bytes, count, userData in
        unsafe with(userData) { session in
            let bytes = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
            let isTaken: Void? = unsafe withContext(session.context(of: stream)) {
                unsafe session.dataReceived(bytes, on: stream, $0)
            }
            if isTaken == nil { session.consume(count, on: stream) }
        }
        return 0
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, stream, code, userData in
        unsafe with(userData) { session in
            unsafe withContext(session.takeContext(of: stream)) {
                session.streamClosed(stream, ErrorCode(rawValue: code), $0)
            }
        }
        return 0
    }

    private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, userData in
        guard let frame = unsafe frame else { return 0 }
        let stream = unsafe nghttp2_shim_stream(frame)
        switch unsafe nghttp2_frame_type(UInt32(nghttp2_shim_type(frame))) {
        case NGHTTP2_GOAWAY:
            unsafe with(userData) { unsafe goAwaySent(frame, $0) }
            return 0
        case NGHTTP2_RST_STREAM:
            unsafe with(userData) {
                unsafe $0.resetGoesOut(ErrorCode(rawValue: nghttp2_shim_reset_code(frame)), on: stream)
            }
            return 0
        default: break
        }
        guard unsafe endsStream(frame) else { return 0 }
        unsafe with(userData) { session in
            unsafe withContext(session.context(of: stream)) { session.endSent(on: stream, $0) }
        }
        return 0
    }

    private static let frameNotSent: nghttp2_on_frame_not_send_callback = { _, frame, _, userData in
        guard let frame = unsafe frame, unsafe nghttp2_shim_type(frame) == UInt8(NGHTTP2_HEADERS.rawValue) else {
            return 0
        }
        unsafe with(userData) { unsafe $0.headersNotSent(on: nghttp2_shim_stream(frame)) }
        return 0
    }

    private static func goAwaySent(_ frame: UnsafePointer<nghttp2_frame>, _ session: Session) {
        // Valid until the callback returns.
        let text = unsafe UnsafeBufferPointer(
            start: nghttp2_shim_goaway_text(frame), count: nghttp2_shim_goaway_text_length(frame))
        unsafe session.goAwaySent(
            ErrorCode(rawValue: nghttp2_shim_goaway_code(frame)), saying: String(decoding: text, as: UTF8.self))
    }

    /// Only DATA and HEADERS carry END_STREAM; elsewhere the same bit means ACK.
    private static func endsStream(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let type = unsafe nghttp2_shim_type(frame)
        return unsafe type <= UInt8(NGHTTP2_HEADERS.rawValue)
            && nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    }

    // MARK: Bodies

    /// Lets the payload be written where it is sent from, and not into libnghttp2's buffer: `sendData` follows at once,
    /// with nothing in between.
    private static let readBody: nghttp2_data_source_read_callback = {
        _, stream, _, length, flags, source, userData in
        guard let flags = unsafe flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        guard let buffer = unsafe with(userData, { unsafe $0.dataRoom(for: length) }) else {
            return Int(NGHTTP2_ERR_PAUSE.rawValue)
        }
        let body = unsafe withContext(source?.pointee.ptr) { context in
            unsafe with(userData) { unsafe $0.body(of: stream, context, into: buffer) }
        }
        unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        switch body {
        case .bytes(let count):
            return count
        case .last(let count):
            unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
            return count
        case .lastBeforeTrailers(let count):
            unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            return count
        case .nothingYet:
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case nil:
            return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
    }

    private static let sendData: nghttp2_send_data_callback = { _, _, header, length, _, userData in
        guard let header = unsafe header else { return failure }
        unsafe with(userData) { unsafe $0.dataWritten(header: header, length: length) }
        return 0
    }
}

/// The options for libnghttp2.
enum SessionOptions {
    /// Made once, never changed and never freed.
    nonisolated(unsafe) static let shared: OpaquePointer = unsafe make()

    private static func make() -> OpaquePointer {
        var pointer: OpaquePointer?
        guard unsafe nghttp2_option_new(&pointer) == 0, let options = unsafe pointer else {
            fatalError("libnghttp2 is out of memory")
        }
        // Credit is given when bytes have been passed on, not when they came in.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        // gRPC's status messages may begin or end with a space, which libnghttp2 would treat as malformed.
        unsafe nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
        // Closed streams are of use only to RFC 7540 priorities.
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        // The session's owner counts resets, and knows which of them are no attack; libnghttp2's own limit, 1,000 and 33 a
        // second, would end the connection of a client whose calls have short deadlines.
        unsafe nghttp2_shim_allow_stream_resets(options)
        // Frames of unknown types are ignored (RFC 9113, section 5.5), but must be seen to be counted.
        for type in UInt8(0x0a)...UInt8.max { unsafe nghttp2_option_set_user_recv_extension_type(options, type) }
        return unsafe options
    }
}

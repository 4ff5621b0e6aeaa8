import CNghttp2

/// The C functions that libnghttp2 calls back, and the way from there to a session and a stream's context.
///
/// Soundness: a callback runs only inside a call into libnghttp2 that a `Session` makes, so the session that the user
/// data points to is alive and on its own thread; a stream's context is kept alive by its owner until `streamClosed`.
enum SessionCallbacks {
    /// Made once, never changed and never freed.
    nonisolated(unsafe) static let shared: OpaquePointer = make()

    /// Lends a description of the source of a stream's DATA; libnghttp2 copies it.
    @inline(__always)
    static func withBodyProvider<Result>(
        _ context: UnsafeMutableRawPointer, _ use: (UnsafePointer<nghttp2_data_provider>) -> Result
    ) -> Result {
        withUnsafePointer(
            to: nghttp2_data_provider(source: nghttp2_data_source(ptr: context), read_callback: readBody), use)
    }

    private static func make() -> OpaquePointer {
        var pointer: OpaquePointer?
        guard nghttp2_session_callbacks_new(&pointer) == 0, let callbacks = pointer else {
            fatalError("libnghttp2 is out of memory")
        }
        nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, beginFrame)
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataReceived)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frameNotSent)
        nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
        nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, { _, _, _, _ in SessionCallbacks.ignored })
        nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(
            callbacks, { _, _, _, _, _ in SessionCallbacks.ignored })
        return callbacks
    }

    /// Lends the session without counting a reference: the caller into libnghttp2 keeps it alive.
    @inline(__always)
    private static func with<Result>(_ userData: UnsafeMutableRawPointer?, _ body: (Session) -> Result) -> Result {
        Unmanaged<Session>.fromOpaque(userData!)._withUnsafeGuaranteedRef(body)
    }

    /// Lends a stream's context in the same way.
    ///
    /// - Returns: `nil` for a stream that has none (any more).
    @inline(__always)
    private static func withContext<Result>(
        _ pointer: UnsafeMutableRawPointer?, _ body: (StreamContext) -> Result
    ) -> Result? {
        guard let pointer else { return nil }
        return Unmanaged<StreamContext>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
    }

    // MARK: Header lists

    private static let beginFrame: nghttp2_on_begin_frame_callback = { _, header, userData in
        guard let header = header?.pointee else { return 0 }
        let frame: IncomingFrame
        switch nghttp2_frame_type(UInt32(header.type)) {
        case NGHTTP2_DATA where header.length > 0: frame = .data
        case NGHTTP2_HEADERS: frame = .headers
        default: frame = .control
        }
        return with(userData) { $0.frameBegan(frame) } ? 0 : failure
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, userData in
        guard let frame else { return 0 }
        with(userData) { session in
            guard nghttp2_shim_is_request(frame) != 0 else { return }
            let stream = nghttp2_shim_stream(frame)
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
        guard let frame else { return 0 }
        return with(userData) { received(frame, $0) }
    }

    private static func received(_ frame: UnsafePointer<nghttp2_frame>, _ session: Session) -> Int32 {
        let stream = nghttp2_shim_stream(frame)
        switch nghttp2_frame_type(UInt32(nghttp2_shim_type(frame))) {
        case NGHTTP2_DATA:
            if nghttp2_shim_is_padding(frame) != 0, !session.frameBegan(.control) { return failure }
            guard endsStream(frame) else { return 0 }
            withContext(session.context(of: stream)) { session.endReceived(on: stream, $0) }
        case NGHTTP2_HEADERS:
            headersReceived(frame, session)
        case NGHTTP2_RST_STREAM:
            withContext(session.context(of: stream)) {
                session.resetReceived(ErrorCode(rawValue: nghttp2_shim_reset_code(frame)), on: stream, $0)
            }
        case NGHTTP2_SETTINGS:
            guard nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 else {
                session.settingsAcknowledged()
                return 0
            }
            session.settingsReceived()
        case NGHTTP2_PING:
            guard nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 else {
                return session.pingReceived() ? 0 : failure
            }
            session.pingAnswered(nghttp2_shim_ping_payload(frame))
        case NGHTTP2_WINDOW_UPDATE:
            let increment = Int(nghttp2_shim_window_increment(frame))
            guard stream != 0 else {
                session.connectionCredited(increment)
                return 0
            }
            withContext(session.context(of: stream)) { session.streamCredited(increment, on: stream, $0) }
        case NGHTTP2_GOAWAY:
            session.goAwayReceived(
                lastStream: nghttp2_shim_goaway_last(frame), ErrorCode(rawValue: nghttp2_shim_goaway_code(frame)))
        default:
            break
        }
        return 0
    }

    private static func headersReceived(_ frame: UnsafePointer<nghttp2_frame>, _ session: Session) {
        guard let list = session.takeHeaderList() else { return }
        let stream = nghttp2_shim_stream(frame)
        let isTaken: Void? = withContext(session.context(of: stream)) { context in
            switch session.role {
            case .server where nghttp2_shim_is_request(frame) != 0:
                session.requestReceived(list, endStream: endsStream(frame), on: stream, context)
            case .client where list.has(.status):
                if list.value(of: .status, hasPrefix: "1") {
                    session.informationalReceived(list, on: stream, context)
                } else {
                    session.responseReceived(list, endStream: endsStream(frame), on: stream, context)
                }
            case .server, .client:
                session.trailersReceived(list, on: stream, context)
            }
        }
        if isTaken == nil { session.headerLists.give(list) }
    }

    private static let dataReceived: nghttp2_on_data_chunk_recv_callback = {
        _, _, stream, bytes, count, userData in
        with(userData) { session in
            let bytes = UnsafeRawBufferPointer(start: bytes, count: count)
            let isTaken: Void? = withContext(session.context(of: stream)) {
                session.dataReceived(bytes, on: stream, $0)
            }
            if isTaken == nil { session.consume(count, on: stream) }
        }
        return 0
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, stream, code, userData in
        with(userData) { session in
            withContext(session.takeContext(of: stream)) {
                session.streamClosed(stream, ErrorCode(rawValue: code), $0)
            }
        }
        return 0
    }

    private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, userData in
        guard let frame else { return 0 }
        let stream = nghttp2_shim_stream(frame)
        switch nghttp2_frame_type(UInt32(nghttp2_shim_type(frame))) {
        case NGHTTP2_GOAWAY:
            with(userData) { goAwaySent(frame, $0) }
            return 0
        case NGHTTP2_RST_STREAM:
            with(userData) { $0.resetGoesOut(ErrorCode(rawValue: nghttp2_shim_reset_code(frame)), on: stream) }
            return 0
        default: break
        }
        guard endsStream(frame) else { return 0 }
        with(userData) { session in
            withContext(session.context(of: stream)) { session.endSent(on: stream, $0) }
        }
        return 0
    }

    private static let frameNotSent: nghttp2_on_frame_not_send_callback = { _, frame, _, userData in
        guard let frame, nghttp2_shim_type(frame) == UInt8(NGHTTP2_HEADERS.rawValue) else { return 0 }
        with(userData) { $0.headersNotSent(on: nghttp2_shim_stream(frame)) }
        return 0
    }

    private static func goAwaySent(_ frame: UnsafePointer<nghttp2_frame>, _ session: Session) {
        // Valid until the callback returns.
        let text = UnsafeBufferPointer(
            start: nghttp2_shim_goaway_text(frame), count: nghttp2_shim_goaway_text_length(frame))
        session.goAwaySent(
            ErrorCode(rawValue: nghttp2_shim_goaway_code(frame)), saying: String(decoding: text, as: UTF8.self))
    }

    /// Only DATA and HEADERS carry END_STREAM; elsewhere the same bit means ACK.
    private static func endsStream(_ frame: UnsafePointer<nghttp2_frame>) -> Bool {
        let type = nghttp2_shim_type(frame)
        return type <= UInt8(NGHTTP2_HEADERS.rawValue)
            && nghttp2_shim_flags(frame) & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    }

    // MARK: Bodies

    /// Lets the payload be written where it is sent from, and not into libnghttp2's buffer: `sendData` follows at once,
    /// with nothing in between.
    private static let readBody: nghttp2_data_source_read_callback = {
        _, stream, _, length, flags, source, userData in
        guard let flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        guard let buffer = with(userData, { $0.dataRoom(for: length) }) else {
            return Int(NGHTTP2_ERR_PAUSE.rawValue)
        }
        let body = withContext(source?.pointee.ptr) { context in
            with(userData) { $0.body(of: stream, context, into: buffer) }
        }
        flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        switch body {
        case .bytes(let count):
            return count
        case .last(let count):
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
            return count
        case .lastBeforeTrailers(let count):
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            return count
        case .nothingYet:
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case nil:
            return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
    }

    private static let sendData: nghttp2_send_data_callback = { _, _, header, length, _, userData in
        guard let header else { return failure }
        with(userData) { $0.dataWritten(header: header, length: length) }
        return 0
    }
}

/// The options for libnghttp2.
enum SessionOptions {
    /// Made once, never changed and never freed.
    nonisolated(unsafe) static let shared: OpaquePointer = make()

    private static func make() -> OpaquePointer {
        var pointer: OpaquePointer?
        guard nghttp2_option_new(&pointer) == 0, let options = pointer else {
            fatalError("libnghttp2 is out of memory")
        }
        // Credit is given when bytes have been passed on, not when they came in.
        nghttp2_option_set_no_auto_window_update(options, 1)
        // gRPC's status messages may begin or end with a space, which libnghttp2 would treat as malformed.
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1)
        // Closed streams are of use only to RFC 7540 priorities.
        nghttp2_option_set_no_closed_streams(options, 1)
        // The session's owner counts resets, and knows which of them are no attack; libnghttp2's own limit, 1,000 and 33 a
        // second, would end the connection of a client whose calls have short deadlines.
        nghttp2_shim_allow_stream_resets(options)
        // Frames of unknown types are ignored (RFC 9113, section 5.5), but must be seen to be counted.
        for type in UInt8(0x0a)...UInt8.max { nghttp2_option_set_user_recv_extension_type(options, type) }
        return options
    }
}

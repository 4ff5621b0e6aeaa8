import CNghttp2

/// Windows and credit (RFC 9113, section 5.2), in both directions.
extension Session {
    /// Gives the peer credit for bytes of a stream that have been passed on, for the stream and for the connection.
    public func consume(_ count: Int, on stream: StreamID) {
        unsafe check(nghttp2_session_consume(session, stream, count))
    }

    /// As `consume(_:on:)`, for the stream alone.
    public func consumeStream(_ count: Int, on stream: StreamID) {
        unsafe check(nghttp2_session_consume_stream(session, stream, count))
    }

    /// Gives the peer credit for all bytes of a stream that have been passed on, once they are an eighth of its window:
    /// libnghttp2 by itself waits for half of it, which over a distance costs half of the bandwidth. Used instead of
    /// `consumeStream(_:on:)`.
    ///
    /// - Parameters:
    ///   - waiting: bytes that have come in and not been passed on.
    ///   - window: the stream's window, in bytes.
    public func creditEarly(_ stream: StreamID, waiting: Int, window: Int) {
        let taken = unsafe Int(nghttp2_session_get_stream_effective_recv_data_length(session, stream)) - waiting
        guard taken >= window / 8, taken > 0 else { return }
        unsafe check(nghttp2_submit_window_update(session, 0, stream, Int32(clamping: taken)))
    }

    /// Lets the peer have more bytes of a stream under way.
    ///
    /// - Parameter window: the new total, no less than before. The stream's HEADERS have been sent.
    public func setWindow(of stream: StreamID, to window: Int) {
        unsafe check(nghttp2_session_set_local_window_size(session, 0, stream, Int32(clamping: window)))
    }

    /// Lets the peer have fewer bytes of a stream under way from now on; everything that came has been consumed.
    ///
    /// What the peer was granted can't be taken back: as many of its next bytes as the window shrinks by must be left
    /// unconsumed. When the window is widened to its former size, those of them that have come are to be consumed.
    public func narrow(_ stream: StreamID, to window: Int) {
        // The peer gets all of its credit once more: otherwise libnghttp2's counts of bytes received and consumed would
        // differ by that for ever.
        let uncredited = unsafe nghttp2_session_get_stream_effective_recv_data_length(session, stream)
        if uncredited > 0 { unsafe check(nghttp2_submit_window_update(session, 0, stream, uncredited)) }
        unsafe check(nghttp2_session_set_local_window_size(session, 0, stream, Int32(clamping: window)))
    }

    /// As `consume(_:on:)`, for the connection alone.
    public func consumeConnection(_ count: Int) {
        unsafe check(nghttp2_session_consume_connection(session, count))
    }

    /// Bytes of all streams that the peer takes now.
    public var peerWindow: Int { unsafe Int(nghttp2_session_get_remote_window_size(session)) }

    /// Bytes of a stream that the peer takes now.
    public func peerWindow(of stream: StreamID) -> Int {
        unsafe Int(nghttp2_session_get_stream_remote_window_size(session, stream))
    }

    /// Bytes of a stream that the peer takes before it has given credit for any.
    public var peerInitialWindow: Int {
        unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE))
    }
}

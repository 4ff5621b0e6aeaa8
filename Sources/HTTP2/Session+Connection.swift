import CNghttp2

/// What concerns the connection as a whole: SETTINGS, GOAWAY and PING.
extension Session {
    /// Changes the number of streams that the peer may have open (servers only). Streams beyond it are refused even
    /// before the peer has acknowledged it.
    public func announce(maxConcurrentStreams count: Int) {
        var entry = entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(clamping: count))
        unsafe check(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &entry, 1))
    }

    /// Number of streams that the peer lets this side open.
    public var peerMaxConcurrentStreams: Int {
        unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// Bytes of the largest header list that the peer announces it takes (RFC 9113, section 6.5.2); the largest number
    /// if it announces nothing.
    public var peerMaxHeaderListSize: Int {
        unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
    }

    /// Announces that the end is near with a GOAWAY that still covers every stream (RFC 9113, section 6.8).
    public func submitShutdownNotice() {
        unsafe check(nghttp2_submit_shutdown_notice(session))
    }

    /// Accepts no stream beyond those that have arrived by the time that the next output is written, and says so. Open
    /// streams go on.
    public func submitGoAway(_ code: ErrorCode = .noError) {
        dueGoAway = code
    }

    /// Names the last stream no earlier than it can be written: what comes before is served, and must not be called
    /// unprocessed, since its client would then send it once more (RFC 9113, section 6.8).
    ///
    /// Everything queued before has been written by then, so that no stream can come between choosing and writing.
    ///
    /// - Returns: whether there is one.
    func submitDueGoAway() -> Bool {
        guard let code = dueGoAway else { return false }
        dueGoAway = nil
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe check(nghttp2_submit_goaway(session, 0, last, code.rawValue, nil, 0))
        return true
    }

    /// Ends the session: a last GOAWAY is queued, and nothing else is sent or taken in.
    ///
    /// - Parameter text: the debug data of another GOAWAY sent ahead of it, in words that the peer may know; empty for
    ///   none.
    public func terminate(_ code: ErrorCode, saying text: StaticString = "") {
        if text.utf8CodeUnitCount > 0 {
            let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
            unsafe check(nghttp2_submit_goaway(session, 0, last, code.rawValue, text.utf8Start, text.utf8CodeUnitCount))
        }
        unsafe check(nghttp2_session_terminate_session(session, code.rawValue))
    }

    /// Sends a PING.
    ///
    /// - Parameter payload: the payload that `pingAnswered(_:)` gets back.
    public func submitPing(_ payload: UInt64) {
        unsafe withUnsafeBytes(of: payload) { bytes in
            // A PING has eight bytes; libnghttp2 copies them.
            unsafe check(nghttp2_submit_ping(session, 0, bytes.assumingMemoryBound(to: UInt8.self).baseAddress))
        }
    }
}

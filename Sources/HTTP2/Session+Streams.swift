import CNghttp2

/// What an owner does with single streams: requests, responses, trailers, resets.
extension Session {
    /// Opens a stream (clients only). The list must not change until it is back in its pool.
    ///
    /// - Parameter endStream: whether the request has no body; otherwise `body(of:_:into:)` will be asked for it.
    public func submitRequest(
        _ head: HeaderList, endStream: Bool, context: StreamContext
    ) throws(SessionError) -> StreamID {
        // Unretained, here and below: its owner keeps a context until `streamClosed`.
        let context = unsafe Unmanaged.passUnretained(context).toOpaque()
        let stream = unsafe SessionCallbacks.withBodyProvider(context) { provider in
            unsafe head.withMethodThatMatters { method, count in
                unsafe nghttp2_submit_request(session, nil, method, count, endStream ? nil : provider, context)
            }
        }
        if stream < 0 { throw error(stream) }
        queue(head, on: stream, 0)
        return stream
    }

    /// Answers a stream (servers only). The list must not change until it is back in its pool.
    public func submitResponse(_ head: HeaderList, endStream: Bool, on stream: StreamID, context: StreamContext) {
        let context = unsafe Unmanaged.passUnretained(context).toOpaque()
        let result = unsafe SessionCallbacks.withBodyProvider(context) { provider in
            unsafe nghttp2_submit_response(session, stream, nil, 0, endStream ? nil : provider)
        }
        queue(head, on: stream, result)
    }

    /// Sends an interim response (1xx) ahead of the final one (servers only).
    public func submitInformational(_ head: HeaderList, on stream: StreamID) {
        unsafe queue(head, on: stream, nghttp2_submit_headers(session, 0, stream, nil, nil, 0, nil))
    }

    /// Sends trailers, which end the stream. Allowed only from within `body(of:_:into:)`, as they would overtake DATA
    /// still to come, or when all DATA have been taken and the peer's window is shut.
    public func submitTrailers(_ trailers: HeaderList, on stream: StreamID) {
        unsafe queue(trailers, on: stream, nghttp2_submit_trailer(session, stream, nil, 0))
    }

    /// Ends a stream at once with RST_STREAM. One whose HEADERS have not been sent yet ends without a frame.
    public func reset(_ stream: StreamID, _ code: ErrorCode) {
        // On the first reset of such a stream libnghttp2 takes the queued HEADERS back. On a second one it would send
        // RST_STREAM for an idle stream, over which the peer ends the connection (RFC 9113, section 5.1).
        if role == .client, !queuedHeaders.isEmpty, queuedHeaders.cancel(on: stream) { return }
        unsafe check(nghttp2_submit_rst_stream(session, 0, stream, code.rawValue))
    }

    /// Takes back a request whose HEADERS haven't been written (clients only; `latestStreamSent`): the peer never hears
    /// of it, and the owner gets no more events.
    public func withdraw(_ stream: StreamID) {
        precondition(role == .client && stream > latestStreamSent, "what was sent can't be taken back")
        unsafe nghttp2_session_set_stream_user_data(session, stream, nil)
        forgetContext(of: stream)
        reset(stream, .cancel)
    }

    /// Whether HEADERS of a stream wait to be written.
    public func hasQueuedHeaders(on stream: StreamID) -> Bool { queuedHeaders.has(stream) }

    /// Continues a stream that answered `.nothingYet` and now has something to send.
    public func resume(_ stream: StreamID) {
        // Fails if the stream isn't waiting, and then there is nothing to do.
        unsafe nghttp2_session_resume_data(session, stream)
    }
}

import CNghttp2

/// One side of an HTTP/2 connection (RFC 9113), without the connection: bytes in, bytes out, events to a subclass.
///
/// Events come from within `receive(_:)` and `write(into:)`. During one, the subclass may submit, reset, resume and
/// consume on any session, but must not call these two on this one, nor release it. Confined to one thread.
///
/// Soundness: `session` is valid from `init` until `deinit`, and `memory` outlives it; `page` is only named to that,
/// and `latestContext` is forgotten when its stream closes.
@safe
open class Session: SessionEvents {
    public enum Role: Sendable {
        case client
        case server
    }

    public let role: Role

    /// The received header list that libnghttp2 is now being told of.
    private var incoming: HeaderList?
    private var input: FrameInput
    private var decoder: HPACKDecoder
    private var digest = HeaderDigest()

    /// The stream looked up last, and its context; zero and `nil` if there is none. Events of a stream come in a row,
    /// and each lookup is a search in libnghttp2's table.
    private var latestStream: StreamID = 0
    private var latestContext: UnsafeMutableRawPointer?

    /// Kept alive because it holds the libnghttp2 session's memory.
    private let memory: SessionMemory
    /// The page in which a server session keeps track of its streams, at least until it has had more than fit there.
    private let page: UnsafeMutableRawPointer?

    /// The lists of queued HEADERS. libnghttp2 keeps track of the frames; their contents are encoded here.
    final var queuedHeaders = HeaderQueue()
    final var encoder: HPACKEncoder
    final var output = FrameOutput()
    /// Whether the peer has acknowledged this side's SETTINGS. Until then libnghttp2 counts with windows that streams
    /// no longer have.
    public private(set) final var settingsAreAcknowledged = false
    /// The latest stream whose HEADERS have been written. As requests go out in the order of their streams, those of
    /// later streams have not been.
    public internal(set) final var latestStreamSent: StreamID = 0

    /// The code of a GOAWAY that waits for the next output.
    final var dueGoAway: ErrorCode?

    /// The libnghttp2 session: made in `init`, ended in `deinit`, and used by one thread in between.
    final let session: OpaquePointer

    /// Sets up the session and queues its SETTINGS, and as a client the connection preface.
    ///
    /// - Parameters:
    ///   - headerLists: the pool that received header lists come from; whoever is given a list gives it back there.
    ///   - memory: the source of libnghttp2's memory for this session.
    public init(role: Role, settings: SessionSettings, headerLists: HeaderListPool, memory: SessionMemory) {
        self.role = role
        self.memory = memory
        let maxListSize = Int(settings.maxHeaderListSize)
        input = FrameInput(
            preface: role == .server ? Self.prefaceLength : 0, isServer: role == .server,
            passesPushPromises: role == .server)
        encoder = HPACKEncoder(role: role)
        decoder = HPACKDecoder(role: role, maxListSize: maxListSize, maxFields: settings.maxHeaderFields)
        var pointer: OpaquePointer?
        var firstPage: UnsafeMutableRawPointer?
        let (callbacks, options) = unsafe (SessionCallbacks.shared, SessionOptions.shared)
        let result = unsafe memory.withAllocator { allocator -> Int32 in
            switch role {
            case .server:
                let (result, page) = unsafe memory.makeServerSession {
                    unsafe nghttp2_session_server_new3(&pointer, callbacks, nil, options, allocator)
                }
                unsafe firstPage = page
                return result
            case .client:
                return unsafe nghttp2_session_client_new3(&pointer, callbacks, nil, options, allocator)
            }
        }
        guard result == 0, let pointer = unsafe pointer else { fatalError("libnghttp2 is out of memory") }
        unsafe session = pointer
        unsafe page = firstPage
        super.init(headerLists: headerLists)
        // Unretained: this object ends the libnghttp2 session in deinit, so no callback outlives it.
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
        submit(settings)
    }

    deinit {
        unsafe nghttp2_session_del(session)
        dropQueuedHeaders()
        decoder.drop(headerLists)
        forgetLists()
    }

    /// Gives back the lists that were kept because they were expected again.
    private func forgetLists() {
        decoder.forget(headerLists)
        encoder.forget(headerLists)
    }

    private func submit(_ settings: SessionSettings) {
        var entries: [nghttp2_settings_entry] = []
        entries.reserveCapacity(4)
        switch role {
        case .server: entries.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams))
        case .client: entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        // Announcing the value that holds anyway would make libnghttp2 search a table of 256 places for streams to
        // adjust.
        if settings.streamWindow != SessionSettings.initialStreamWindow {
            entries.append(entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(settings.streamWindow)))
        }
        entries.append(entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize))
        // RFC 9218, section 2.1: nothing here prioritizes by RFC 7540, which saves libnghttp2 its dependency tree.
        entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
        unsafe check(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
        unsafe check(nghttp2_session_set_local_window_size(session, 0, 0, settings.connectionWindow))
    }

    final func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    // MARK: Input

    /// Bytes of the preface that a client begins with (RFC 9113, section 3.4).
    private static let prefaceLength = 24

    /// Takes in what the peer sent. After an error nothing more must be fed; what is queued (a GOAWAY) may still be
    /// written.
    public final func receive(_ bytes: UnsafeRawBufferPointer) throws(SessionError) {
        var bytes = unsafe bytes
        while let piece = unsafe input.next(&bytes) {
            switch piece {
            case .through(let bytes):
                try unsafe feed(bytes)
                if !input.strays.isEmpty { try refuseStrays() }
            case .kept(let bytes):
                try feed(bytes)
                if !input.strays.isEmpty { try refuseStrays() }
            case .block(let frame, let block, let extent): try unsafe receive(frame, block, extent)
            case .keptBlock(let frame, let block, let extent):
                let result = unsafe block.withUnsafeBytes { block in
                    Result { () throws(SessionError) in try unsafe receive(frame, block, extent) }
                }
                try result.get()
            case .priority(let frame): try receive(frame)
            case .interrupted(let frame):
                decoder.drop(headerLists)
                try unsafe feed(frame, isComplete: false) { _ in 0 }
            case .oversized: try feed(Self.oversizedFrame)
            case .pushPromise:
                try feed(Self.impossiblePushPromise)
                // What follows is ignored.
                input.passesPushPromises = true
            }
        }
    }

    /// The beginning of a frame for which libnghttp2 ends a session. It would allow a CONTINUATION of that length.
    private static let oversizedFrame: [UInt8] = [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]

    /// A frame for which libnghttp2 ends a session in any state: a PUSH_PROMISE on no stream. Until the peer has
    /// acknowledged that it must send none, libnghttp2 would accept one, but its own decoder can't read the header
    /// block, as it hasn't seen the others. No server sends one that early, since it reads the SETTINGS first.
    private static let impossiblePushPromise: [UInt8] =
        [0, 0, 4, FrameHeader.Kind.pushPromise, FrameHeader.Flag.endHeaders, 0, 0, 0, 0] + [0, 0, 0, 2]

    /// Hands bytes to libnghttp2.
    private func feed(_ bytes: UnsafeRawBufferPointer) throws(SessionError) {
        let count = unsafe nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        if count < 0 { throw error(Int32(count)) }
    }

    private func feed(_ bytes: [UInt8]) throws(SessionError) {
        let count = unsafe nghttp2_session_mem_recv(session, bytes, bytes.count)
        if count < 0 { throw error(Int32(count)) }
    }

    /// Decodes a header block as far as it has come, and tells libnghttp2 of it once it is whole.
    private func receive(
        _ frame: HeadersFrame, _ block: UnsafeRawBufferPointer, _ extent: FrameInput.Extent
    ) throws(SessionError) {
        switch extent {
        case .whole:
            try check(frame)
            let decoded = unsafe decoder.decode(block, from: headerLists)
            if decoded.0.isTruncated { try skipped(decoder.excess(of: block.count, decoded.0), of: decoded.0) }
            return try receive(frame, decoded)
        case .first: try check(frame)
        // libnghttp2 sees none of these frames.
        case .middle, .last: guard frameBegan(.control) else { throw error(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        }
        let (decoded, excess) = unsafe decoder.decodePart(block, isLast: extent == .last, from: headerLists)
        if excess != HeaderExcess() { try skipped(excess, of: decoded?.0) }
        if let decoded { try receive(frame, decoded) }
    }

    /// - Parameter list: the list with the excess, if it is complete; it is given back if the session can't go on.
    private func skipped(_ excess: HeaderExcess, of list: HeaderList?) throws(SessionError) {
        guard !headersSkipped(bytes: excess.bytes, fields: excess.fields) else { return }
        if let list { headerLists.give(list) }
        throw error(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }

    /// Tells libnghttp2 of a header list.
    @inline(__always)
    private func receive(
        _ frame: HeadersFrame, _ decoded: (list: HeaderList, rules: HeaderRules, outcome: HPACKDecoder.Outcome)
    ) throws(SessionError) {
        incoming = decoded.list
        // Nothing takes the list of a stream that is gone or malformed.
        defer { if let list = takeHeaderList() { headerLists.give(list) } }
        switch decoded.outcome {
        case .broken:
            try unsafe feed(frame) {
                unsafe $0[0] = HeaderDigest.broken; return 1
            }
        case .decoded:
            // A copy, because a closure that names `self` would count a reference to it.
            var (digest, role) = (digest, role)
            defer { self.digest = digest }
            try unsafe feed(frame) { unsafe digest.write(decoded.rules, for: role, into: $0) }
        }
    }

    /// Hands libnghttp2 a HEADERS frame with another header block in it.
    private func feed(
        _ frame: HeadersFrame, isComplete: Bool = true, _ writeBlock: (UnsafeMutableRawBufferPointer) -> Int
    ) throws(SessionError) {
        let room = HeadersFrame.mostBytes + HeaderDigest.mostBytes
        let count = unsafe withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { buffer in
            let bytes = unsafe frame.write(isComplete: isComplete, into: buffer, writeBlock)
            return unsafe nghttp2_session_mem_recv(session, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
        }
        if count < 0 { throw error(Int32(count)) }
    }

    // MARK: What a client must not do with its streams

    /// - Throws: for HEADERS that open a stream or end it a second time. If the session went on, its view of the
    ///   streams would differ from the client's.
    @inline(__always)
    private func check(_ frame: HeadersFrame) throws(SessionError) {
        guard role == .server else { return }
        switch input.streams.headers(on: frame.stream, endsStream: frame.endsStream) {
        case .sound: break
        case .passedOver:
            throw violation(.protocolError, "HEADERS open stream \(frame.stream), and a later one is open already")
        case .ended: throw violation(.streamClosed, "HEADERS on stream \(frame.stream), which the client has ended")
        // Only the stream is in error; libnghttp2 ignores the list.
        case .reset: if input.streams.resetSent(on: frame.stream) { reset(frame.stream, .streamClosed) }
        }
    }

    /// Refuses DATA after the end of a stream that is already forgotten here: only the stream is in error.
    private func refuseStrays() throws(SessionError) {
        for stream in input.takeStrays() {
            guard frameBegan(.control) else { throw error(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            if input.streams.resetSent(on: stream) { reset(stream, .streamClosed) }
        }
    }

    /// Passes on a valid PRIORITY frame: libnghttp2 checks none, since nothing here prioritizes by them.
    private func receive(_ frame: PriorityFrame) throws(SessionError) {
        guard frame.stream != 0 else { throw violation(.protocolError, "PRIORITY on stream 0") }
        try feed(frame.bytes)
        guard role == .server, frame.dependency == frame.stream else { return }
        // A stream that isn't open yet can't be reset (RFC 9113, section 6.4).
        guard !input.streams.isIdle(frame.stream) else {
            throw violation(.protocolError, "PRIORITY makes stream \(frame.stream) depend on itself")
        }
        if unsafe nghttp2_session_find_stream(session, frame.stream) != nil { reset(frame.stream, .protocolError) }
    }

    /// Ends the session with a GOAWAY.
    private func violation(_ code: ErrorCode, _ reason: String) -> SessionError {
        terminate(code)
        return SessionError(code: NGHTTP2_ERR_PROTO.rawValue, description: reason)
    }

    // MARK: State

    /// Whether the session is over: it neither waits for input nor has anything to send.
    public final var isFinished: Bool {
        unsafe nghttp2_session_want_read(session) == 0 && !wantsToSend
    }

    /// Whether something is queued that the peer's windows allow to be sent.
    public final var wantsToSend: Bool {
        unsafe nghttp2_session_want_write(session) != 0 || output.hasRest || dueGoAway != nil
    }

    /// Releases memory that a session without streams doesn't need. Worthwhile once a session has gone idle.
    public final func trimMemory() {
        forgetLists()
        if let page = unsafe page { unsafe memory.trim(page) }
    }

    /// Whether a header block has begun and not finished.
    public final var isReceivingHeaders: Bool { input.isWithinBlock }

    // MARK: For libnghttp2's callbacks

    /// Takes the header list that libnghttp2 has just been told of.
    func takeHeaderList() -> HeaderList? {
        defer { incoming = nil }
        return incoming
    }

    /// - Returns: `nil` for a stream that has no context (any more).
    @inline(__always)
    func context(of stream: StreamID) -> UnsafeMutableRawPointer? {
        if stream == latestStream { return unsafe latestContext }
        let context = unsafe nghttp2_session_get_stream_user_data(session, stream)
        if unsafe context != nil { unsafe (latestStream, latestContext) = (stream, context) }
        return unsafe context
    }

    /// Sets the context of a stream that has begun; libnghttp2 keeps it until the stream is closed.
    func setContext(_ context: StreamContext, of stream: StreamID) {
        // Unretained: its owner keeps a context until `streamClosed`.
        let context = unsafe Unmanaged.passUnretained(context).toOpaque()
        unsafe nghttp2_session_set_stream_user_data(session, stream, context)
        unsafe (latestStream, latestContext) = (stream, context)
    }

    /// - Returns: the context of a closed stream, for the last time.
    func takeContext(of stream: StreamID) -> UnsafeMutableRawPointer? {
        defer { forgetContext(of: stream) }
        return unsafe context(of: stream)
    }

    final func forgetContext(of stream: StreamID) {
        if stream == latestStream { unsafe (latestStream, latestContext) = (0, nil) }
    }

    /// Notes that the peer has acknowledged this side's SETTINGS.
    func settingsAcknowledged() {
        input.passesPushPromises = true
        settingsAreAcknowledged = true
    }

    /// Notes a RST_STREAM that goes out.
    func resetGoesOut(_ code: ErrorCode, on stream: StreamID) {
        if role == .server { input.streams.resetSent(on: stream) }
        resetSent(code, on: stream)
    }

    // MARK: Errors

    /// Checks calls that fail only through a mistake of ours or lack of memory; a stream that has just closed is
    /// neither.
    final func check(_ result: Int32) {
        guard result != 0, result != NGHTTP2_ERR_STREAM_CLOSED.rawValue,
            result != NGHTTP2_ERR_INVALID_STREAM_ID.rawValue
        else { return }
        precondition(result != NGHTTP2_ERR_NOMEM.rawValue, "libnghttp2 is out of memory")
        assertionFailure("libnghttp2: \(error(result))")
    }

    final func error(_ code: Int32) -> SessionError {
        unsafe SessionError(code: code, description: String(cString: nghttp2_strerror(code)))
    }
}

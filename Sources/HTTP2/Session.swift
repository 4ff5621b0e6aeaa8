import CNghttp2

/// One side of an HTTP/2 connection (RFC 9113), without the connection: bytes in, bytes out, events to a subclass.
///
/// Events come from within `receive(_:)` and `write(into:)`. During one, the subclass may submit, reset, resume and
/// consume on any session, but must neither feed nor drain this one, nor let go of it. Confined to one thread.
///
/// Soundness: `session` is valid from `init` until `deinit`, and `memory` outlives it; `page` is only named to that, and
/// `latestContext` is forgotten when its stream closes.
@safe
open class Session: SessionEvents {
    public enum Role: Sendable {
        case client
        case server
    }

    public let role: Role

    /// The header list that has been received and that libnghttp2 is being told of.
    private var incoming: HeaderList?
    private var input: FrameInput
    private var decoder: HPACKDecoder
    private var digest = HeaderDigest()

    /// The stream that was asked for last, and its context: events of a stream come one after another, and each lookup is
    /// a search in libnghttp2's table. Zero where there is none.
    private var latestStream: StreamID = 0
    private var latestContext: UnsafeMutableRawPointer?

    /// Kept alive: the libnghttp2 session's memory lies there.
    private let memory: SessionMemory
    /// Where a server session keeps track of its streams, at least until it has more than ever fit there.
    private let page: UnsafeMutableRawPointer?

    /// Of the HEADERS that are queued. libnghttp2 keeps track of the frames, what is in them is encoded here.
    private var queuedHeaders = HeaderQueue()
    private var encoder: HPACKEncoder
    private var output = FrameOutput()
    /// Whether the peer has taken note of this side's SETTINGS. Until then libnghttp2 counts with windows that streams don't
    /// have any more.
    public private(set) final var settingsAreAcknowledged = false
    /// The latest stream whose HEADERS have been written; as requests go out in the order of their streams, those of later
    /// ones have not.
    public private(set) final var latestStreamSent: StreamID = 0

    /// libnghttp2's half of this object: made in `init`, ended in `deinit`, used in between by one thread.
    private let session: OpaquePointer

    /// Sets up the session and queues its SETTINGS, and as a client the connection preface.
    ///
    /// - Parameters:
    ///   - headerLists: where received header lists come from; whoever is given one gives it back there.
    ///   - memory: where libnghttp2's memory for this session comes from.
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

    /// Gives back the lists that were expected to come again.
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
        // Saying what holds anyway would have libnghttp2 look for streams to adjust, in a table of 256 places.
        if settings.streamWindow != SessionSettings.initialStreamWindow {
            entries.append(entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(settings.streamWindow)))
        }
        entries.append(entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize))
        // RFC 9218, section 2.1: nobody prioritizes by RFC 7540 here, which saves libnghttp2 its dependency tree.
        entries.append(entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
        unsafe check(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
        unsafe check(nghttp2_session_set_local_window_size(session, 0, 0, settings.connectionWindow))
    }

    private func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }

    // MARK: Bytes

    /// Takes in what the peer sent. After an error nothing more must be fed; what is queued (a GOAWAY) may be drained.
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

    /// The beginning of a frame that libnghttp2 ends a session for; it would let a CONTINUATION be as long.
    private static let oversizedFrame: [UInt8] = [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0]

    /// What libnghttp2 ends a session for, whatever else it knows: a PUSH_PROMISE on no stream. Before the peer has
    /// acknowledged that it must send none, libnghttp2 would take one, whose block is beyond its own decoder: that hasn't
    /// seen the others. No server sends one then, since it reads the SETTINGS first.
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
        // libnghttp2 hears nothing of these.
        case .middle, .last: guard frameBegan(.control) else { throw error(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        }
        let (decoded, excess) = unsafe decoder.decodePart(block, isLast: extent == .last, from: headerLists)
        if excess != HeaderExcess() { try skipped(excess, of: decoded?.0) }
        if let decoded { try receive(frame, decoded) }
    }

    /// - Parameter list: what the excess belongs to, if it is complete: it is given back where the session can't go on.
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
        // Nobody asks for the list of a stream that isn't there any more, or is malformed.
        defer { if let list = takeHeaderList() { headerLists.give(list) } }
        switch decoded.outcome {
        case .broken:
            try unsafe feed(frame) {
                unsafe $0[0] = HeaderDigest.broken; return 1
            }
        case .decoded:
            // A copy, since a closure that names `self` counts a reference to it.
            var (digest, role) = (digest, role)
            defer { self.digest = digest }
            try unsafe feed(frame) { unsafe digest.write(decoded.rules, for: role, into: $0) }
        }
    }

    // MARK: What a client must not do with its streams

    /// - Throws: for HEADERS that open a stream or end it a second time: a session that goes on would tell streams apart
    ///   otherwise than the client does.
    @inline(__always)
    private func check(_ frame: HeadersFrame) throws(SessionError) {
        guard role == .server else { return }
        switch input.streams.headers(on: frame.stream, endsStream: frame.endsStream) {
        case .sound: break
        case .passedOver:
            throw violation(.protocolError, "HEADERS open stream \(frame.stream), and a later one is open already")
        case .ended: throw violation(.streamClosed, "HEADERS on stream \(frame.stream), which the client has ended")
        // The stream alone is in error; libnghttp2 takes no notice of the list.
        case .reset: if input.streams.resetSent(on: frame.stream) { reset(frame.stream, .streamClosed) }
        }
    }

    /// DATA behind the end of a stream that has gone from here: the stream alone is in error.
    private func refuseStrays() throws(SessionError) {
        for stream in input.takeStrays() {
            guard frameBegan(.control) else { throw error(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
            if input.streams.resetSent(on: stream) { reset(stream, .streamClosed) }
        }
    }

    /// Passes on a PRIORITY frame that isn't wrong: libnghttp2 looks at none, since nobody here prioritizes so.
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

    /// A RST_STREAM goes out.
    func resetGoesOut(_ code: ErrorCode, on stream: StreamID) {
        if role == .server { input.streams.resetSent(on: stream) }
        resetSent(code, on: stream)
    }

    /// Hands libnghttp2 a HEADERS frame with another block in it.
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

    /// With which a client begins (RFC 9113, section 3.4).
    private static let prefaceLength = 24

    /// The least room that `write(into:)` needs: for a DATA frame and whatever frame libnghttp2 has behind it.
    public static let leastOutput = 2 * FrameOutput.largestFrame

    /// Writes queued frames into `buffer` as long as whole ones are sure to fit, and returns how many bytes that were;
    /// zero means that nothing is queued.
    ///
    /// - Precondition: the buffer has room for at least `leastOutput` bytes.
    public final func write(into buffer: UnsafeMutableRawBufferPointer) throws(SessionError) -> Int {
        precondition(buffer.count >= Self.leastOutput)
        unsafe output.begin(buffer)
        defer { output.end() }
        while output.writeRest(), output.room >= FrameOutput.largestFrame {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            if count < 0 { throw error(Int32(count)) }
            guard count > 0, let bytes = unsafe bytes else { break }
            // A frame in libnghttp2's own buffer, valid until the next call; of its default frame size at most.
            let frame = unsafe UnsafeRawBufferPointer(start: bytes, count: count)
            if let header = unsafe FrameOutput.headersHeader(of: frame) {
                unsafe writeHeaders(header, UnsafeRawBufferPointer(rebasing: frame[FrameHeader.length...]))
            } else {
                unsafe output.write(frame)
            }
        }
        if !queuedHeaders.isEmpty, unsafe nghttp2_session_get_outbound_queue_size(session) == 0 { dropQueuedHeaders() }
        return output.count
    }

    private func writeHeaders(_ header: FrameHeader, _ emptyBlock: UnsafeRawBufferPointer) {
        guard let list = queuedHeaders.take(on: header.stream) else {
            preconditionFailure("libnghttp2 sends no HEADERS that it wasn't told to")
        }
        unsafe output.writeHeaders(header, emptyBlock, list, with: &encoder, headerLists)
        if header.stream > latestStreamSent { latestStreamSent = header.stream }
        headerLists.give(list)
    }

    /// The payload of the DATA frame that comes next is to be written here; `nil` where it may not fit.
    func dataRoom(for length: Int) -> UnsafeMutableRawBufferPointer? { unsafe output.dataRoom(for: length) }

    /// The payload is where `dataRoom(for:)` has said; here is the header that goes in front of it.
    func dataWritten(header: UnsafePointer<UInt8>, length: Int) {
        unsafe output.dataWritten(header: header, length: length)
    }

    /// Once libnghttp2 has been told of HEADERS, their list waits here until they are written. It must not change until then.
    private func queue(_ list: HeaderList, on stream: StreamID, _ result: Int32) {
        check(result)
        guard result >= 0 else { return }
        list.hold()
        queuedHeaders.append(list, on: stream)
    }

    /// HEADERS that were queued are dropped, since the stream has ended meanwhile.
    func headersNotSent(on stream: StreamID) {
        if let list = queuedHeaders.take(on: stream) { headerLists.give(list) }
    }

    private func dropQueuedHeaders() {
        while let list = queuedHeaders.takeAny() { headerLists.give(list) }
    }

    /// Whether the session is over: it neither waits for input nor has anything to send.
    public final var isFinished: Bool {
        unsafe nghttp2_session_want_read(session) == 0 && !wantsToSend
    }

    /// Lets go of memory that a session without streams doesn't need. Worth its while once a session has gone idle.
    public final func trimMemory() {
        forgetLists()
        if let page = unsafe page { unsafe memory.trim(page) }
    }

    /// Whether a header block has been begun and not finished.
    public final var isReceivingHeaders: Bool { input.isWithinBlock }

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

    /// A stream has begun; libnghttp2 keeps its context until the stream is closed.
    func setContext(_ context: StreamContext, of stream: StreamID) {
        // Unretained: its owner keeps a context until `streamClosed`.
        let context = unsafe Unmanaged.passUnretained(context).toOpaque()
        unsafe nghttp2_session_set_stream_user_data(session, stream, context)
        unsafe (latestStream, latestContext) = (stream, context)
    }

    /// - Returns: the context of a stream that is closed, for the last time.
    func takeContext(of stream: StreamID) -> UnsafeMutableRawPointer? {
        defer { if stream == latestStream { unsafe (latestStream, latestContext) = (0, nil) } }
        return unsafe context(of: stream)
    }

    /// The peer has taken note of this side's SETTINGS.
    func settingsAcknowledged() {
        input.passesPushPromises = true
        settingsAreAcknowledged = true
    }

    /// Whether something is queued that the peer's windows allow to be sent.
    public final var wantsToSend: Bool { unsafe nghttp2_session_want_write(session) != 0 || output.hasRest }

    // MARK: Streams

    /// Opens a stream (clients only). The list must not change until it is back in its pool.
    ///
    /// - Parameter endStream: the request has no body; otherwise `body(of:into:)` will be asked for it.
    public final func submitRequest(
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
    public final func submitResponse(_ head: HeaderList, endStream: Bool, on stream: StreamID, context: StreamContext) {
        let context = unsafe Unmanaged.passUnretained(context).toOpaque()
        let result = unsafe SessionCallbacks.withBodyProvider(context) { provider in
            unsafe nghttp2_submit_response(session, stream, nil, 0, endStream ? nil : provider)
        }
        queue(head, on: stream, result)
    }

    /// Sends an interim response (1xx) ahead of the final one (servers only).
    public final func submitInformational(_ head: HeaderList, on stream: StreamID) {
        unsafe queue(head, on: stream, nghttp2_submit_headers(session, 0, stream, nil, nil, 0, nil))
    }

    /// Sends trailers, which end the stream. Only from within `body(of:into:)`, as they would overtake DATA that are still to
    /// come; or when all DATA have been taken and the peer's window is shut.
    public final func submitTrailers(_ trailers: HeaderList, on stream: StreamID) {
        unsafe queue(trailers, on: stream, nghttp2_submit_trailer(session, stream, nil, 0))
    }

    /// Ends a stream at once with RST_STREAM. One whose HEADERS have not been sent yet ends without a frame.
    public final func reset(_ stream: StreamID, _ code: ErrorCode) {
        // libnghttp2 takes the queued HEADERS back for the first reset of such a stream, and would send the RST_STREAM of a
        // second one: of an idle stream, for which the peer ends the connection (RFC 9113, section 5.1).
        if role == .client, !queuedHeaders.isEmpty, queuedHeaders.cancel(on: stream) { return }
        unsafe check(nghttp2_submit_rst_stream(session, 0, stream, code.rawValue))
    }

    /// Takes back a request whose HEADERS haven't been written (clients only; `latestStreamSent`): the peer never hears of
    /// it, and neither does the owner any more.
    public final func withdraw(_ stream: StreamID) {
        precondition(role == .client && stream > latestStreamSent, "what was sent can't be taken back")
        unsafe nghttp2_session_set_stream_user_data(session, stream, nil)
        if stream == latestStream { unsafe (latestStream, latestContext) = (0, nil) }
        reset(stream, .cancel)
    }

    /// Whether HEADERS of a stream wait to be written.
    public final func hasQueuedHeaders(on stream: StreamID) -> Bool { queuedHeaders.has(stream) }

    /// There is something for a stream that answered `.nothingYet`.
    public final func resume(_ stream: StreamID) {
        // Fails where the stream isn't waiting, and then there is nothing to do.
        unsafe nghttp2_session_resume_data(session, stream)
    }

    // MARK: Credit (RFC 9113, section 5.2)

    /// Gives the peer credit for bytes of a stream that have gone on, for the stream and for the connection.
    public final func consume(_ count: Int, on stream: StreamID) {
        unsafe check(nghttp2_session_consume(session, stream, count))
    }

    /// As `consume(_:on:)`, for the stream alone.
    public final func consumeStream(_ count: Int, on stream: StreamID) {
        unsafe check(nghttp2_session_consume_stream(session, stream, count))
    }

    /// Gives the peer credit for all bytes of a stream that have gone on, once they are an eighth of its window: libnghttp2
    /// by itself waits for half of it, and over a distance that is half of the bandwidth. In `consumeStream(_:on:)`'s stead.
    ///
    /// - Parameters:
    ///   - waiting: bytes that have come and not gone on.
    ///   - window: the stream's.
    public final func creditEarly(_ stream: StreamID, waiting: Int, window: Int) {
        let taken = unsafe Int(nghttp2_session_get_stream_effective_recv_data_length(session, stream)) - waiting
        guard taken >= window / 8, taken > 0 else { return }
        unsafe check(nghttp2_submit_window_update(session, 0, stream, Int32(clamping: taken)))
    }

    /// Lets the peer have more bytes of a stream under way.
    ///
    /// - Parameter window: how many altogether, no fewer than before. The stream's HEADERS have been sent.
    public final func setWindow(of stream: StreamID, to window: Int) {
        unsafe check(nghttp2_session_set_local_window_size(session, 0, stream, Int32(clamping: window)))
    }

    /// Lets the peer have fewer bytes of a stream under way in future; all that came has been consumed.
    ///
    /// What it was granted can't be taken back: as many of its next bytes as the window becomes smaller by must be left
    /// unconsumed. When the window is widened to what it was, those of them that have come are to be consumed.
    public final func narrow(_ stream: StreamID, to window: Int) {
        // The peer gets all of its credit once more: libnghttp2's counts of what came and of what was consumed would
        // otherwise differ by that for ever.
        let uncredited = unsafe nghttp2_session_get_stream_effective_recv_data_length(session, stream)
        if uncredited > 0 { unsafe check(nghttp2_submit_window_update(session, 0, stream, uncredited)) }
        unsafe check(nghttp2_session_set_local_window_size(session, 0, stream, Int32(clamping: window)))
    }

    /// As `consume(_:on:)`, for the connection alone.
    public final func consumeConnection(_ count: Int) {
        unsafe check(nghttp2_session_consume_connection(session, count))
    }

    /// How many bytes of all streams the peer takes now.
    public final var peerWindow: Int { unsafe Int(nghttp2_session_get_remote_window_size(session)) }

    /// How many bytes of a stream the peer takes now.
    public final func peerWindow(of stream: StreamID) -> Int {
        unsafe Int(nghttp2_session_get_stream_remote_window_size(session, stream))
    }

    /// How many bytes of a stream the peer takes before it has given credit for any.
    public final var peerInitialWindow: Int {
        unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE))
    }

    // MARK: The connection

    /// Lets the peer have so many streams open from now on, other than at first (servers only). Streams beyond that are
    /// refused even before the peer has taken note.
    public final func announce(maxConcurrentStreams count: Int) {
        var entry = entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(clamping: count))
        unsafe check(nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), &entry, 1))
    }

    /// How many streams the peer lets this side open.
    public final var peerMaxConcurrentStreams: Int {
        unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }

    /// How large a header list the peer says that it takes (RFC 9113, section 6.5.2); the largest number where it says nothing.
    public final var peerMaxHeaderListSize: Int {
        unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
    }

    /// Announces that the end is near with a GOAWAY that still covers every stream (RFC 9113, section 6.8).
    public final func submitShutdownNotice() {
        unsafe check(nghttp2_submit_shutdown_notice(session))
    }

    /// Accepts no stream beyond those that have arrived, and says so. Open streams go on.
    public final func submitGoAway(_ code: ErrorCode = .noError) {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
        unsafe check(nghttp2_submit_goaway(session, 0, last, code.rawValue, nil, 0))
    }

    /// Ends the session: a last GOAWAY is queued, nothing else is sent or taken in.
    ///
    /// - Parameter text: what another GOAWAY ahead of it says to the peer, in words that it may know; empty for none.
    public final func terminate(_ code: ErrorCode, saying text: StaticString = "") {
        if text.utf8CodeUnitCount > 0 {
            let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
            unsafe check(nghttp2_submit_goaway(session, 0, last, code.rawValue, text.utf8Start, text.utf8CodeUnitCount))
        }
        unsafe check(nghttp2_session_terminate_session(session, code.rawValue))
    }

    /// Sends a PING.
    ///
    /// - Parameter payload: what `pingAnswered(_:)` is told.
    public final func submitPing(_ payload: UInt64) {
        unsafe withUnsafeBytes(of: payload) { bytes in
            // Eight bytes, as a PING has; libnghttp2 copies them.
            unsafe check(nghttp2_submit_ping(session, 0, bytes.assumingMemoryBound(to: UInt8.self).baseAddress))
        }
    }

    // MARK: Errors

    /// For calls that fail only by a mistake of ours or without memory; a stream that has just closed is neither.
    private func check(_ result: Int32) {
        guard result != 0, result != NGHTTP2_ERR_STREAM_CLOSED.rawValue,
            result != NGHTTP2_ERR_INVALID_STREAM_ID.rawValue
        else { return }
        precondition(result != NGHTTP2_ERR_NOMEM.rawValue, "libnghttp2 is out of memory")
        assertionFailure("libnghttp2: \(error(result))")
    }

    private func error(_ code: Int32) -> SessionError {
        unsafe SessionError(code: code, description: String(cString: nghttp2_strerror(code)))
    }
}

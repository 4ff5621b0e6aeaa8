import HTTP2

/// A stream of a `RecordingSession`: what has come on it, and what is to be sent.
final class RecordedStream: StreamContext {
    var id: StreamID = 0
    var head: [String] = []
    var isTruncated = false
    var trailersAreTruncated = false
    var informational: [[String]] = []
    var trailers: [String]?
    var received: [UInt8] = []
    var hasEnded = false
    var resetCode: ErrorCode?
    var closedWith: ErrorCode?
    var endWasSent = false

    // What this side is to send.
    var outgoing = ByteQueue()
    var isComplete = true
    var outgoingTrailers: [(String, String)]?
}

/// A session that records its events, and sends what its streams hold.
final class RecordingSession: Session {
    let blocks: HeaderListPool
    let chunks = ChunkPool()
    var streams: [StreamID: RecordedStream] = [:]
    var consumesAtOnce = true
    var sawSettings = false
    var sawPingAnswer = false
    var goAway: (last: StreamID, code: ErrorCode)?
    var skipped = HeaderExcess()
    var takesExcess = true
    var onRequest: (RecordedStream) -> Void = { _ in }

    init(_ role: Role, _ settings: SessionSettings = SessionSettings(), memory: SessionMemory = SessionMemory()) {
        blocks = HeaderListPool()
        super.init(role: role, settings: settings, headerLists: blocks, memory: memory)
    }

    static func fields(_ block: HeaderList) -> [String] { block.list.map { "\($0.name)=\($0.value)" } }

    func block(_ fields: [(String, String)]) -> HeaderList {
        let block = blocks.take()
        for (name, value) in fields { block.append(name: name, value: value) }
        return block
    }

    func request(
        _ fields: [(String, String)] = [], body: [UInt8] = [], isComplete: Bool = true,
        trailers: [(String, String)]? = nil
    ) throws -> RecordedStream {
        let stream = RecordedStream()
        unsafe body.withUnsafeBytes { unsafe stream.outgoing.append($0, from: chunks) }
        stream.isComplete = isComplete
        stream.outgoingTrailers = trailers
        let base = [(":method", "POST"), (":scheme", "http"), (":path", "/s/m"), (":authority", "test")]
        let hasBody = !body.isEmpty || !isComplete || trailers != nil
        stream.id = try submitRequest(block(base + fields), endStream: !hasBody, context: stream)
        streams[stream.id] = stream
        return stream
    }

    func respond(_ stream: RecordedStream, _ fields: [(String, String)], endStream: Bool = false) {
        submitResponse(block([(":status", "200")] + fields), endStream: endStream, on: stream.id, context: stream)
    }

    override func requestBegan(on stream: StreamID) -> StreamContext {
        let recorded = RecordedStream()
        recorded.id = stream
        streams[stream] = recorded
        return recorded
    }

    override func requestReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        let stream = context as! RecordedStream
        stream.head = Self.fields(head)
        stream.isTruncated = head.isTruncated
        stream.hasEnded = endStream
        blocks.give(head)
        onRequest(stream)
    }

    override func informationalReceived(_ head: HeaderList, on stream: StreamID, _ context: StreamContext) {
        (context as! RecordedStream).informational.append(Self.fields(head))
        blocks.give(head)
    }

    override func responseReceived(
        _ head: HeaderList, endStream: Bool, on stream: StreamID, _ context: StreamContext
    ) {
        let stream = context as! RecordedStream
        stream.head = Self.fields(head)
        stream.hasEnded = endStream
        blocks.give(head)
    }

    override func trailersReceived(_ trailers: HeaderList, on stream: StreamID, _ context: StreamContext) {
        let stream = context as! RecordedStream
        stream.trailers = Self.fields(trailers)
        stream.trailersAreTruncated = trailers.isTruncated
        stream.hasEnded = true
        blocks.give(trailers)
    }

    override func dataReceived(_ bytes: UnsafeRawBufferPointer, on stream: StreamID, _ context: StreamContext) {
        unsafe (context as! RecordedStream).received += bytes
        if consumesAtOnce { consume(bytes.count, on: stream) }
    }

    override func endReceived(on stream: StreamID, _ context: StreamContext) {
        (context as! RecordedStream).hasEnded = true
    }

    override func resetReceived(_ code: ErrorCode, on stream: StreamID, _ context: StreamContext) {
        (context as! RecordedStream).resetCode = code
    }

    override func body(
        of stream: StreamID, _ context: StreamContext, into buffer: UnsafeMutableRawBufferPointer
    ) -> Body {
        let recorded = context as! RecordedStream
        let count = unsafe recorded.outgoing.read(into: buffer, pool: chunks)
        guard recorded.outgoing.isEmpty, recorded.isComplete else { return count > 0 ? .bytes(count) : .nothingYet }
        guard let trailers = recorded.outgoingTrailers else { return .last(count) }
        submitTrailers(block(trailers), on: stream)
        return .lastBeforeTrailers(count)
    }

    override func endSent(on stream: StreamID, _ context: StreamContext) {
        (context as! RecordedStream).endWasSent = true
    }

    override func streamClosed(_ stream: StreamID, _ code: ErrorCode, _ context: StreamContext) {
        (context as! RecordedStream).closedWith = code
    }

    override func headersSkipped(bytes: Int, fields: Int) -> Bool {
        skipped = HeaderExcess(bytes: skipped.bytes + bytes, fields: skipped.fields + fields)
        return takesExcess
    }

    override func settingsReceived() { sawSettings = true }
    override func pingAnswered(_ payload: UInt64) { sawPingAnswer = payload == 7 }
    override func goAwayReceived(lastStream: StreamID, _ code: ErrorCode) { goAway = (lastStream, code) }
}

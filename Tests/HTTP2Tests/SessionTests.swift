import HTTP2
import TestSupport
import Testing

/// A stream as a recording session saw it.
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

    // What this side sends.
    var outgoing = ByteQueue()
    var isComplete = true
    var outgoingTrailers: [(String, String)]?
}

/// A session that writes down what happens, and sends what its streams hold.
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

/// Two sessions joined in memory.
struct JoinedSessions {
    let client: RecordingSession
    let server: RecordingSession

    init(client: SessionSettings = SessionSettings(), server: SessionSettings = SessionSettings()) throws {
        self.client = RecordingSession(.client, client)
        self.server = RecordingSession(.server, server)
        try exchange()
    }

    /// Sessions that have said nothing yet, with memory that they share with others.
    init(memory: SessionMemory) {
        client = RecordingSession(.client, memory: memory)
        server = RecordingSession(.server, memory: memory)
    }

    /// Moves bytes both ways until both sides are quiet; returns how many that were.
    @discardableResult
    func exchange() throws -> Int {
        var total = 0
        while true {
            let moved = try step()
            if moved == 0 { return total }
            total += moved
        }
    }

    /// Moves what one drain gives, each way.
    func step() throws -> Int {
        try move(from: client, to: server) + move(from: server, to: client)
    }

    private func move(from: RecordingSession, to: RecordingSession) throws -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe from.write(into: buffer)
        if count > 0 { try unsafe to.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        return count
    }
}

@Suite struct SessionTests {
    @Test func carriesAUnaryCall() throws {
        let joined = try JoinedSessions()
        #expect(joined.client.sawSettings && joined.server.sawSettings)
        joined.server.onRequest = { stream in
            stream.outgoingTrailers = [("grpc-status", "0")]
            unsafe [UInt8](repeating: 9, count: 100).withUnsafeBytes {
                unsafe stream.outgoing.append($0, from: joined.server.chunks)
            }
            joined.server.respond(stream, [("content-type", "application/grpc")])
        }
        let call = try joined.client.request([("te", "trailers")], body: [1, 2, 3])
        try joined.exchange()
        let served = try #require(joined.server.streams[call.id])
        #expect(served.head.contains("te=trailers") && served.received == [1, 2, 3] && served.hasEnded)
        #expect(call.head == [":status=200", "content-type=application/grpc"])
        #expect(call.received == [UInt8](repeating: 9, count: 100))
        #expect(call.trailers == ["grpc-status=0"])
        #expect(call.closedWith == .noError && served.closedWith == .noError && served.endWasSent)
    }

    @Test func sendsTrailersAfterAllData() throws {
        let joined = try JoinedSessions()
        let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        let call = try joined.client.request(body: body, trailers: [("x-sum", "1")])
        try joined.exchange()
        let served = try #require(joined.server.streams[call.id])
        #expect(served.received == body && served.trailers == ["x-sum=1"])
    }

    @Test func waitsForBytesAndGoesOn() throws {
        let joined = try JoinedSessions()
        let call = try joined.client.request(isComplete: false)
        try joined.exchange()
        let served = try #require(joined.server.streams[call.id])
        #expect(!served.hasEnded && served.received.isEmpty)
        unsafe [7, 8].withUnsafeBytes { unsafe call.outgoing.append($0, from: joined.client.chunks) }
        joined.client.resume(call.id)
        try joined.exchange()
        #expect(!served.hasEnded && served.received.count == 16)
        call.isComplete = true
        joined.client.resume(call.id)
        try joined.exchange()
        #expect(served.hasEnded)
    }

    /// Some servers end a connection for spaces around a value, and some clients do.
    @Test(arguments: [
        (" lost ", "%20lost%20"), ("\t", "%09"), ("a b ", "a b%20"), (" a  b", "%20a  b"), ("  ", "%20%20"),
    ])
    func passesNoSpacesAroundValues(message: String, encoded: String) throws {
        let joined = try JoinedSessions()
        joined.server.onRequest = { stream in
            stream.outgoingTrailers = [("grpc-status", " 5"), ("grpc-message", message), ("x-note", "\tb ")]
            joined.server.respond(stream, [("x-note", " c"), ("x-blank", " \t ")])
        }
        // Twice: out of a literal, and out of the table.
        for _ in 0..<2 {
            let call = try joined.client.request([("x-note", " a\t"), ("x-blank", " "), ("x-last", "z")])
            try joined.exchange()
            let head = joined.server.streams[call.id]?.head
            #expect(head?.suffix(3) == ["x-note=a", "x-blank=", "x-last=z"])
            #expect(call.head == [":status=200", "x-note=c", "x-blank="])
            #expect(call.trailers == ["grpc-status=5", "grpc-message=\(encoded)", "x-note=b"])
        }
    }

    @Test func tellsInterimResponsesApart() throws {
        let joined = try JoinedSessions()
        joined.server.onRequest = { stream in
            joined.server.submitInformational(joined.server.block([(":status", "103"), ("link", "x")]), on: stream.id)
            joined.server.respond(stream, [("a", "b")], endStream: true)
        }
        let call = try joined.client.request()
        try joined.exchange()
        #expect(call.informational == [[":status=103", "link=x"]])
        #expect(call.head == [":status=200", "a=b"] && call.hasEnded)
    }

    /// In as many frames as they need, both ways, through an output that has room for two.
    @Test func carriesHeaderListsOfManyFrames() throws {
        let limits = SessionSettings(maxHeaderListSize: 400_000, maxHeaderFields: 1_000)
        let pair = try JoinedSessions(client: limits, server: limits)
        // No string of these is shorter when it is compressed.
        let long = (0..<9).map { ("x-long-\($0)", String(repeating: "~", count: 10_000)) }
        let stream = try pair.client.request(long, body: Array("body".utf8), trailers: long)
        pair.server.onRequest = { [server = pair.server] in server.respond($0, long, endStream: true) }
        try pair.exchange()
        let expected = long.map { "\($0.0)=\($0.1)" }
        let received = try #require(pair.server.streams[stream.id])
        let (isSame, hasSameTrailers) = (received.head.suffix(9) == expected[...], received.trailers == expected)
        #expect(isSame && hasSameTrailers)
        #expect(received.received == Array("body".utf8))
        let isAnsweredSo = stream.head.suffix(9) == expected[...]
        #expect(isAnsweredSo)
    }

    /// RFC 9110, section 9.3.2: the length is that of a body which isn't sent.
    @Test func takesTheLengthInAnAnswerToHeadAsItIs() throws {
        let pair = try JoinedSessions()
        let stream = RecordedStream()
        let head = pair.client.block([
            (":method", "HEAD"), (":scheme", "http"), (":path", "/"), (":authority", "test"),
        ])
        stream.id = try pair.client.submitRequest(head, endStream: true, context: stream)
        pair.server.onRequest = { [server = pair.server] in
            server.respond($0, [("content-length", "100")], endStream: true)
        }
        try pair.exchange()
        #expect(pair.server.streams[stream.id]?.head.first == ":method=HEAD")
        #expect(stream.head == [":status=200", "content-length=100"] && stream.closedWith == .noError)
    }

    @Test func goesOnAfterRequestsThatAreNotSent() throws {
        let pair = try JoinedSessions()
        let streams = try (0..<6).map { try pair.client.request([("x-number", "\($0)")]) }
        for stream in streams where stream.id % 4 == 1 { pair.client.reset(stream.id, .cancel) }
        try pair.exchange()
        for (number, stream) in streams.enumerated() {
            let received = pair.server.streams[stream.id]
            #expect(received?.head.last == (stream.id % 4 == 1 ? nil : "x-number=\(number)"))
        }
    }

    /// RST_STREAM for a stream that the peer hasn't heard of would end the connection, and every call on it.
    @Test func sendsNoFrameForARequestThatWasResetTwiceBeforeItWasSent() throws {
        let pair = try JoinedSessions()
        let (first, call) = (try pair.client.request(), try pair.client.request(isComplete: false))
        pair.client.reset(call.id, .cancel)
        pair.client.reset(call.id, .internalError)
        try pair.exchange()
        #expect(pair.client.goAway == nil)
        #expect(pair.server.streams.keys.sorted() == [first.id] && call.closedWith == .cancel)
        let next = try pair.client.request()
        try pair.exchange()
        #expect(pair.server.streams[next.id] != nil)
    }

    /// How many are too many, the session's owner says: libnghttp2's own limit of a thousand holds no connection up.
    @Test func anyNumberOfResetsEndsNoSession() throws {
        let pair = try JoinedSessions()
        for _ in 0..<3_000 {
            let call = try pair.client.request(isComplete: false)
            try pair.exchange()
            pair.client.reset(call.id, .cancel)
            try pair.exchange()
        }
        #expect(pair.client.goAway == nil)
        #expect(!pair.server.isFinished)
    }

    @Test func stopsTheSenderAtTheWindow() throws {
        let joined = try JoinedSessions(server: SessionSettings(streamWindow: 1_000))
        joined.server.consumesAtOnce = false
        let call = try joined.client.request(body: [UInt8](repeating: 1, count: 5_000))
        try joined.exchange()
        let served = try #require(joined.server.streams[call.id])
        #expect(served.received.count == 1_000)
        joined.server.consume(1_000, on: call.id)
        try joined.exchange()
        #expect(served.received.count == 2_000)
    }

    @Test func passesResetCodes() throws {
        let joined = try JoinedSessions()
        let call = try joined.client.request(isComplete: false)
        try joined.exchange()
        joined.server.reset(call.id, ErrorCode(rawValue: 0x77))
        try joined.exchange()
        #expect(call.resetCode?.rawValue == 0x77 && call.closedWith?.rawValue == 0x77)
        #expect(joined.server.streams[call.id]?.closedWith?.rawValue == 0x77)
    }

    @Test func treatsStreamsBeyondGoAwayAsRefused() throws {
        let joined = try JoinedSessions()
        let served = try joined.client.request(isComplete: false)
        try joined.exchange()
        joined.server.submitGoAway()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe joined.server.write(into: buffer)
        let late = try joined.client.request(isComplete: false)
        try joined.exchange()
        try unsafe joined.client.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        try joined.exchange()
        #expect(joined.client.goAway?.last == served.id)
        #expect(late.closedWith == .refusedStream)
        #expect(served.closedWith == nil)
    }

    /// What has come before the GOAWAY could be written is being served: the client must not send it once more.
    @Test func goAwayCoversWhatComesBeforeItIsWritten() throws {
        let joined = try JoinedSessions()
        joined.server.submitGoAway()
        #expect(joined.server.wantsToSend)
        let late = try joined.client.request(isComplete: false)
        try joined.exchange()
        #expect(joined.client.goAway?.last == late.id)
        #expect(late.closedWith == nil)
    }

    @Test func narrowsAWindowAndWidensItAgain() throws {
        let joined = try JoinedSessions(server: SessionSettings(connectionWindow: 16 << 20))
        joined.server.consumesAtOnce = false
        let call = try joined.client.request(isComplete: false)
        try joined.exchange()
        /// Has the client send all that it may; returns how much of it came.
        func flood() throws -> Int {
            let before = joined.server.streams[call.id]?.received.count ?? 0
            unsafe [UInt8](repeating: 1, count: 400_000).withUnsafeBytes {
                unsafe call.outgoing.append($0, from: joined.client.chunks)
            }
            joined.client.resume(call.id)
            try joined.exchange()
            return (joined.server.streams[call.id]?.received.count ?? 0) - before
        }
        joined.server.setWindow(of: call.id, to: 200_000)
        #expect(try flood() == 200_000)
        // Of what was consumed some has been credited, as far as libnghttp2 gives credit by itself.
        joined.server.consume(200_000, on: call.id)
        let granted = 200_000 - 65_535
        #expect(try flood() == 200_000)
        joined.server.consume(200_000, on: call.id)
        joined.server.narrow(call.id, to: 65_535)
        // What was granted can be used, once.
        #expect(try flood() == 200_000)
        joined.server.consumeConnection(granted)
        joined.server.consume(65_535, on: call.id)
        #expect(try flood() == 65_535)
        joined.server.consume(65_535, on: call.id)
        #expect(try flood() == 65_535)
        // And is there again afterwards.
        joined.server.setWindow(of: call.id, to: 200_000)
        joined.server.consumeStream(granted, on: call.id)
        #expect(try flood() == granted)
    }

    @Test func saysGoodbyeInTwoSteps() throws {
        let joined = try JoinedSessions()
        joined.server.submitShutdownNotice()
        joined.server.submitPing(7)
        try joined.exchange()
        #expect(joined.client.goAway?.last == StreamID.max && joined.server.sawPingAnswer)
        #expect(!joined.server.isFinished)
        joined.server.submitGoAway()
        try joined.exchange()
        #expect(joined.server.isFinished)
    }

    @Test func refusesWhatIsNotHTTP2() throws {
        let server = RecordingSession(.server)
        let request = Array("GET / HTTP/1.1\r\nhost: x\r\n\r\n".utf8)
        #expect(throws: SessionError.self) { try unsafe request.withUnsafeBytes { try unsafe server.receive($0) } }
    }

    @Test(arguments: [
        [("connection", "close")], [("te", "gzip")], [("transfer-encoding", "chunked")],
        [(":path", "/twice")], [("x", "a\rb")], [("x", "a\nb")], [("x", "a\0b")], [("host", "other")],
        [("host", "test:81")], [("host", "user@test")], [("host", "test"), ("host", "test")],
    ])
    func resetsRequestsThatCouldSmuggle(fields: [(String, String)]) throws {
        let joined = try JoinedSessions()
        let call = try joined.client.request(fields)
        try joined.exchange()
        #expect(joined.server.streams[call.id]?.head ?? [] == [])
        #expect(call.closedWith == .protocolError)
    }

    /// Servers are told what all of them take.
    @Test(arguments: ["trailers", "Trailers", "TRAILERS"]) func writesTheOneValueOfTEInSmallLetters(
        value: String
    ) throws {
        let joined = try JoinedSessions()
        for _ in 0..<5 {
            let call = try joined.client.request([("te", value)])
            try joined.exchange()
            #expect(joined.server.streams[call.id]?.head.last == "te=trailers")
        }
    }

    /// RFC 9113, section 8.3.1, with RFC 3986, section 6.2.3: a host that says the same in other words is left out.
    @Test(arguments: [
        ("http", "a.test", "a.test", "host=a.test"), ("http", "a.test", "A.TEST", ""),
        ("http", "a.test", "a.test:80", ""),
        ("http", "a.test:80", "a.test", ""), ("http", "a.test", "a.test:", ""), ("https", "a.test:443", "A.test", ""),
        ("http", "a.test:443", "a.test", nil), ("https", "a.test:80", "a.test", nil),
        ("ftp", "a.test:80", "a.test", nil),
        ("http", "[::1]", "[::1]:80", ""), ("http", "[::80]", "[::]", nil), ("http", "a.test", "b.test", nil),
        ("http", "a.test", "a.test.", nil), ("http", "a.test:8080", "a.test:8080", "host=a.test:8080"),
    ])
    func takesOneAuthority(scheme: String, authority: String, host: String, field: String?) throws {
        let joined = try JoinedSessions()
        let stream = RecordedStream()
        let head = joined.client.block([
            (":method", "POST"), (":scheme", scheme), (":path", "/"), (":authority", authority), ("host", host),
            ("x", "y"),
        ])
        stream.id = try joined.client.submitRequest(head, endStream: true, context: stream)
        try joined.exchange()
        let received = try #require(joined.server.streams[stream.id]).head
        let expected = [":method=POST", ":scheme=\(scheme)", ":path=/", ":authority=\(authority)"]
        guard let field else {
            #expect(received.isEmpty && stream.closedWith == .protocolError)
            return
        }
        #expect(received == expected + (field.isEmpty ? [] : [field]) + ["x=y"])
    }

    @Test(arguments: [(":authority", "user@test"), (":path", "/a#b"), (":path", "/#"), (":path", "/ä")])
    func takesNoPartsOfURLsThatDoNotBelongThere(name: String, value: String) throws {
        let joined = try JoinedSessions()
        let stream = RecordedStream()
        let fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "test")]
        let head = joined.client.block(fields.map { $0.0 == name ? (name, value) : $0 })
        stream.id = try joined.client.submitRequest(head, endStream: true, context: stream)
        try joined.exchange()
        #expect(joined.server.streams[stream.id]?.head == [] && stream.closedWith == .protocolError)
    }

    /// A list that is far beyond the limit is cut, and the streams around it, and the tables, are as they were.
    @Test func goesOnAfterAListThatIsTooLong() throws {
        let generous = SessionSettings(maxHeaderListSize: 400_000, maxHeaderFields: 1_000)
        let pair = try JoinedSessions(client: generous)
        let long = (0..<20).map { ("x-long-\($0)", String(repeating: "~", count: 10_000)) }
        let usual = [("x-usual", "1")]
        for fields in [usual, long + usual, usual, usual + long, usual] {
            let stream = try pair.client.request(fields, trailers: fields)
            try pair.exchange()
            let received = try #require(pair.server.streams[stream.id])
            let isLong = fields.count > 1
            #expect(received.isTruncated == isLong && received.trailersAreTruncated == isLong)
            #expect(received.head.count + (received.trailers?.count ?? 0) < 10)
            if !isLong { #expect(received.head.last == "x-usual=1" && received.trailers == ["x-usual=1"]) }
        }
        #expect(pair.server.skipped.bytes > 4 * 180_000)
    }

    /// A list for which the session ends goes back like any other, whether it came in one frame or in several.
    @Test(arguments: [12_000, 60_000]) func keepsNoListForWhichItEnds(bytes: Int) throws {
        let generous = SessionSettings(maxHeaderListSize: 400_000, maxHeaderFields: 1_000)
        let pair = try JoinedSessions(client: generous, server: SessionSettings(maxHeaderListSize: 2_000))
        pair.server.takesExcess = false
        _ = try pair.client.request((0..<4).map { ("x-long-\($0)", String(repeating: "~", count: bytes / 4)) })
        #expect(throws: SessionError.self) { try pair.exchange() }
        pair.server.trimMemory()
        if bytes < 16_384 { #expect(pair.server.blocks.bytesInUse == 0) }
    }

    /// A head may come in two pieces, with the end of another stream in between.
    @Test func keepsAHeadThatIsArrivingWhileAnotherStreamEnds() throws {
        let joined = try JoinedSessions()
        joined.server.onRequest = { joined.server.respond($0, [], endStream: true) }
        let first = try joined.client.request()
        let second = try joined.client.request([("x-long", String(repeating: "v", count: 100))])
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { unsafe buffer.deallocate() }
        let count = try unsafe joined.client.write(into: buffer)
        let middle = count - 50
        try unsafe joined.server.receive(UnsafeRawBufferPointer(rebasing: buffer[..<middle]))
        #expect(joined.server.isReceivingHeaders)
        // Sends the first stream's answer, which ends it.
        var answer = [UInt8](repeating: 0, count: 65_536)
        let answered = try unsafe answer.withUnsafeMutableBytes { try unsafe joined.server.write(into: $0) }
        #expect(joined.server.streams[first.id]?.closedWith == .noError)
        try unsafe joined.server.receive(UnsafeRawBufferPointer(rebasing: buffer[middle..<count]))
        try unsafe answer.withUnsafeBytes {
            try unsafe joined.client.receive(UnsafeRawBufferPointer(rebasing: $0[..<answered]))
        }
        try joined.exchange()
        #expect(first.closedWith == .noError && second.closedWith == .noError)
        #expect(second.head == [":status=200"])
    }

    /// Whatever arrives, a session answers with an error or goes on; it never fails.
    @Test(arguments: 1...8) func survivesMutatedTraffic(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let sample = try Self.clientTraffic()
        for _ in 0..<500 {
            let server = RecordingSession(.server)
            server.onRequest = { server.respond($0, [], endStream: true) }
            var bytes = sample
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 24..<bytes.count, using: &random)
                bytes[index] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? unsafe bytes.withUnsafeBytes { try unsafe server.receive($0) }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
            defer { unsafe buffer.deallocate() }
            while let count = try? unsafe server.write(into: buffer), count > 0 {}
        }
    }

    /// What a client sends for a few calls, as one piece.
    private static func clientTraffic() throws -> [UInt8] {
        let client = RecordingSession(.client)
        for number in 0..<4 {
            _ = try client.request([("x-n", "\(number)")], body: [UInt8](repeating: 7, count: 50 * number))
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { unsafe buffer.deallocate() }
        var traffic: [UInt8] = []
        while true {
            let count = try unsafe client.write(into: buffer)
            if count == 0 { return traffic }
            unsafe traffic += buffer[..<count]
        }
    }
}

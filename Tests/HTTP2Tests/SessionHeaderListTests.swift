import HTTP2
import Testing

/// Header lists through a session: what is passed on, refused, cut and counted.
@Suite struct SessionHeaderListTests {
    /// Some servers end a connection for spaces around a value, as do some clients.
    @Test(arguments: [
        (" lost ", "%20lost%20"), ("\t", "%09"), ("a b ", "a b%20"), (" a  b", "%20a  b"), ("  ", "%20%20"),
    ])
    func removesSpacesAroundValues(message: String, encoded: String) throws {
        let joined = try JoinedSessions()
        joined.server.onRequest = { stream in
            stream.outgoingTrailers = [("grpc-status", " 5"), ("grpc-message", message), ("x-note", "\tb ")]
            joined.server.respond(stream, [("x-note", " c"), ("x-blank", " \t ")])
        }
        // Twice: first as literals, then from the table.
        for _ in 0..<2 {
            let call = try joined.client.request([("x-note", " a\t"), ("x-blank", " "), ("x-last", "z")])
            try joined.exchange()
            let head = joined.server.streams[call.id]?.head
            #expect(head?.suffix(3) == ["x-note=a", "x-blank=", "x-last=z"])
            #expect(call.head == [":status=200", "x-note=c", "x-blank="])
            #expect(call.trailers == ["grpc-status=5", "grpc-message=\(encoded)", "x-note=b"])
        }
    }

    /// Long lists go both ways in as many frames as they need, through an output with room for two.
    @Test func carriesHeaderListsOfManyFrames() throws {
        let limits = SessionSettings(maxHeaderListSize: 400_000, maxHeaderFields: 1_000)
        let pair = try JoinedSessions(client: limits, server: limits)
        // Huffman codes make none of these strings shorter.
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

    /// The length is that of a body which isn't sent (RFC 9110, section 9.3.2).
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

    /// The value is sent in the spelling that every server accepts.
    @Test(arguments: ["trailers", "Trailers", "TRAILERS"]) func writesTheValueOfTEInLowerCase(
        value: String
    ) throws {
        let joined = try JoinedSessions()
        for _ in 0..<5 {
            let call = try joined.client.request([("te", value)])
            try joined.exchange()
            #expect(joined.server.streams[call.id]?.head.last == "te=trailers")
        }
    }

    /// A host that means the same as the authority is left out (RFC 9113, section 8.3.1; RFC 3986, section 6.2.3).
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
    func refusesMisplacedPartsOfURLs(name: String, value: String) throws {
        let joined = try JoinedSessions()
        let stream = RecordedStream()
        let fields = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "test")]
        let head = joined.client.block(fields.map { $0.0 == name ? (name, value) : $0 })
        stream.id = try joined.client.submitRequest(head, endStream: true, context: stream)
        try joined.exchange()
        #expect(joined.server.streams[stream.id]?.head == [] && stream.closedWith == .protocolError)
    }

    /// A list far beyond the limit is truncated; the streams around it and the tables are unaffected.
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

    /// A list for which the session ends is returned to the pool like any other, whether it came in one frame or
    /// several.
    @Test(arguments: [12_000, 60_000]) func keepsNoListForWhichItEnds(bytes: Int) throws {
        let generous = SessionSettings(maxHeaderListSize: 400_000, maxHeaderFields: 1_000)
        let pair = try JoinedSessions(client: generous, server: SessionSettings(maxHeaderListSize: 2_000))
        pair.server.takesExcess = false
        _ = try pair.client.request((0..<4).map { ("x-long-\($0)", String(repeating: "~", count: bytes / 4)) })
        #expect(throws: SessionError.self) { try pair.exchange() }
        pair.server.trimMemory()
        if bytes < 16_384 { #expect(pair.server.blocks.bytesInUse == 0) }
    }

    /// A head comes in two pieces, and another stream ends in between.
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
        // Sends the first stream's answer, which ends that stream.
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
}

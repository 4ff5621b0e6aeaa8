import HTTP2
import TestSupport
import Testing

/// How streams and sessions end: resets, GOAWAY, and bytes that are no HTTP/2.
@Suite struct SessionEndTests {
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

    /// An RST_STREAM for a stream that the peer doesn't know would end the connection and every call on it.
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

    /// The limit is up to the session's owner: libnghttp2's own limit of a thousand must not apply.
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

    /// Streams that arrive before the GOAWAY can be written are served, so the client must not retry them.
    @Test func goAwayCoversWhatComesBeforeItIsWritten() throws {
        let joined = try JoinedSessions()
        joined.server.submitGoAway()
        #expect(joined.server.wantsToSend)
        let late = try joined.client.request(isComplete: false)
        try joined.exchange()
        #expect(joined.client.goAway?.last == late.id)
        #expect(late.closedWith == nil)
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

    /// On any input, a session either goes on or throws; it never crashes.
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

    /// The bytes that a client sends for a few calls.
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

import HTTP2
import Testing

/// Calls through a session: messages, bodies and windows.
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

    @Test func narrowsAWindowAndWidensItAgain() throws {
        let joined = try JoinedSessions(server: SessionSettings(connectionWindow: 16 << 20))
        joined.server.consumesAtOnce = false
        let call = try joined.client.request(isComplete: false)
        try joined.exchange()
        /// Makes the client send as much as it may; returns the number of bytes that arrive.
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
        // libnghttp2 has returned some of the credit by itself.
        joined.server.consume(200_000, on: call.id)
        let granted = 200_000 - 65_535
        #expect(try flood() == 200_000)
        joined.server.consume(200_000, on: call.id)
        joined.server.narrow(call.id, to: 65_535)
        // Credit that was granted stays usable, once.
        #expect(try flood() == 200_000)
        joined.server.consumeConnection(granted)
        joined.server.consume(65_535, on: call.id)
        #expect(try flood() == 65_535)
        joined.server.consume(65_535, on: call.id)
        #expect(try flood() == 65_535)
        // Afterwards the window can be widened again.
        joined.server.setWindow(of: call.id, to: 200_000)
        joined.server.consumeStream(granted, on: call.id)
        #expect(try flood() == granted)
    }
}

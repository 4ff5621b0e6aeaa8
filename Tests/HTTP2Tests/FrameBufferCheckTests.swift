import Testing

import HTTP2

@Suite struct FrameBufferCheckTests {
    /// Debian's libnghttp2 has such a buffer. If this fails for a later version, the Proxy works without the sharing.
    @Test func appliesToTheInstalledLibrary() {
        #expect(FrameBufferCheck.holds(for: SessionMemory.frameBufferSizes))
        #expect(FrameBufferCheck.lentSizes == SessionMemory.frameBufferSizes)
    }

    /// Sizes that no block has, or that a block other than the frame buffer has; libnghttp2's own tables are smaller.
    @Test(arguments: [2_112...2_112, 2_112...16_000, 16_440...16_448])
    func wrongGuess(sizes: ClosedRange<Int>) {
        #expect(!FrameBufferCheck.holds(for: sizes))
    }

    /// Bytes that were needed after the buffer was given back would be noticed.
    @Test func noticesBytesThatAreNeededLonger() {
        #expect(!FrameBufferCheck.holds(for: SessionMemory.frameBufferSizes, disturbing: .beforeTheCopy))
    }

    /// Sessions take turns on one thread, as a worker's do, sharing one buffer or having one each.
    @Test(arguments: [SessionMemory.frameBufferSizes, nil]) func sessionsInTurns(lent: ClosedRange<Int>?) throws {
        let memory = SessionMemory(lending: lent)
        let pairs = (0..<4).map { _ in JoinedSessions(memory: memory) }
        let bodies = pairs.indices.map { number in (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) } }
        var calls: [RecordedStream] = []
        for (pair, body) in zip(pairs, bodies) {
            let server = pair.server
            server.onRequest = { [unowned server] stream in
                unsafe body.withUnsafeBytes { unsafe stream.outgoing.append($0, from: server.chunks) }
                stream.outgoingTrailers = [("grpc-status", "0")]
                server.respond(stream, [("content-type", "application/grpc")])
            }
            calls.append(try pair.client.request(body: [1, 2, 3]))
        }
        while try pairs.reduce(0, { try $0 + $1.step() }) > 0 {}
        for (call, body) in zip(calls, bodies) {
            #expect(call.received == body && call.trailers == ["grpc-status=0"])
        }
        #expect(memory.lent.count == (lent == nil ? 0 : pairs.count))
    }
}

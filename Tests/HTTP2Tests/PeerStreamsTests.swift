import HTTP2
import TestSupport
import Testing

@Suite struct PeerStreamsTests {
    @Test func streamsEndOnce() {
        var streams = PeerStreams()
        expect(streams.headers(on: 1, endsStream: false) == .sound)
        expect(!streams.data(on: 1, endsStream: false))
        expect(streams.headers(on: 1, endsStream: true) == .sound)
        expect(streams.headers(on: 1, endsStream: true) == .ended)
        expect(streams.data(on: 1, endsStream: false))
        expect(streams.headers(on: 3, endsStream: false) == .sound)
        expect(!streams.data(on: 3, endsStream: true))
        expect(streams.data(on: 3, endsStream: true))
        expect(streams.headers(on: 5, endsStream: false) == .sound)
        streams.resetReceived(on: 5)
        expect(streams.data(on: 5, endsStream: false) && streams.headers(on: 5, endsStream: true) == .reset)
    }

    /// The client may not know yet of a reset by this side.
    @Test func thisSidesResetEndsNothing() {
        var streams = PeerStreams()
        _ = streams.headers(on: 1, endsStream: false)
        expect(streams.resetSent(on: 1) && !streams.resetSent(on: 1))
        expect(!streams.data(on: 1, endsStream: false))
        expect(streams.headers(on: 1, endsStream: true) == .sound)
    }

    @Test func aLaterStreamEndsTheIdleOnesBeforeIt() {
        var streams = PeerStreams()
        expect(streams.headers(on: 7, endsStream: false) == .sound)
        for stream in [1, 3, 5] as [StreamID] {
            expect(streams.headers(on: stream, endsStream: false) == .passedOver)
            expect(streams.data(on: stream, endsStream: false))
        }
        expect(streams.headers(on: 7, endsStream: false) == .sound && !streams.data(on: 7, endsStream: false))
        expect(!streams.isIdle(7) && streams.isIdle(9) && streams.isIdle(StreamID.max))
    }

    /// Stream 0 and the server's streams are libnghttp2's business.
    @Test func othersStreamsAreNotLookedAt() {
        var streams = PeerStreams()
        _ = streams.headers(on: 9, endsStream: true)
        for stream in [0, 2, 8, 10] as [StreamID] {
            expect(streams.headers(on: stream, endsStream: true) == .sound)
            expect(!streams.data(on: stream, endsStream: true) && !streams.resetSent(on: stream))
        }
    }

    @Test func forgetsOldStreams() {
        var streams = PeerStreams()
        _ = streams.headers(on: 1, endsStream: true)
        for stream in stride(from: StreamID(3), through: 513, by: 2) {
            expect(streams.headers(on: 1, endsStream: true) == .ended)
            expect(streams.headers(on: stream, endsStream: false) == .sound)
        }
        expect(streams.headers(on: 1, endsStream: true) == .sound && !streams.data(on: 1, endsStream: true))
        expect(streams.headers(on: 3, endsStream: true) == .sound)
        expect(streams.headers(on: 3, endsStream: true) == .ended)
    }

    /// Compared with sets, which forget nothing.
    @Test(arguments: 1...20) func agreesWithSets(seed: UInt64) {
        var (streams, random) = (PeerStreams(), SplitMix(seed: seed))
        var (opened, ended, reset, latest) = (Set<StreamID>(), Set<StreamID>(), Set<StreamID>(), StreamID(-1))
        for _ in 0..<5_000 {
            let back = 2 * StreamID.random(in: 0..<40, using: &random)
            let ahead =
                2 * StreamID.random(in: 1..<(Int.random(in: 0..<50, using: &random) == 0 ? 400 : 3), using: &random)
            let stream = max(1, Bool.random(using: &random) ? latest - back : latest + ahead)
            let ends = Bool.random(using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let verdict = streams.headers(on: stream, endsStream: ends)
                if stream > latest {
                    expect(verdict == .sound)
                    latest = stream
                    opened.insert(stream)
                } else if !opened.contains(stream) {
                    expect(verdict == .passedOver)
                    continue
                } else {
                    expect(verdict == (reset.contains(stream) ? .reset : ended.contains(stream) ? .ended : .sound))
                }
                if ends { ended.insert(stream) }
            case 1 where stream <= latest:
                let isStray = streams.data(on: stream, endsStream: ends)
                expect(isStray == (ended.contains(stream) || !opened.contains(stream)))
                if ends, opened.contains(stream) { ended.insert(stream) }
            case 2 where stream <= latest && opened.contains(stream):
                streams.resetReceived(on: stream)
                ended.insert(stream)
                reset.insert(stream)
            default: break
            }
        }
    }

    /// `#expect` for mutating calls, which don't compile inside the macro.
    private func expect(_ condition: Bool, _ location: SourceLocation = #_sourceLocation) {
        if !condition { Issue.record("not as expected", sourceLocation: location) }
    }
}

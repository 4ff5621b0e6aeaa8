import DataPlane
import EventLoop
import Testing

@Suite struct MemoryReliefTests {
    private func stream(_ peer: String, _ bytes: Int, since: UInt64) -> MemoryRelief.Stream<String> {
        MemoryRelief.Stream(peer: peer, bytes: bytes, shutSince: MonotonicTime(nanoseconds: since))
    }

    private func choose(
        from streams: [MemoryRelief.Stream<String>], toFree excess: Int, besides: [String: Int] = [:],
        allowance: Int = 0
    ) -> [Int] {
        let held = streams.reduce(into: besides) { $0[$1.peer, default: 0] += $1.bytes }
        return MemoryRelief.choose(from: streams, held: held, toFree: excess, allowance: allowance)
    }

    @Test func endsTheLongestShutStreamOfTheHeaviestPeer() {
        let streams = [
            stream("small", 90, since: 1), stream("large", 50, since: 7), stream("large", 60, since: 5),
            stream("large", 40, since: 9),
        ]
        #expect(choose(from: streams, toFree: 60) == [2])
    }

    @Test func continuesWithTheNextHeaviestPeer() {
        let streams = [
            stream("a", 100, since: 3), stream("a", 100, since: 2), stream("b", 150, since: 1),
        ]
        // "a" has 200 and then 100 left, so "b" is next.
        #expect(choose(from: streams, toFree: 250) == [1, 2])
    }

    @Test func leavesPeersThatHoldLittleAlone() {
        let many = (0..<100).map { stream("many", 10, since: UInt64($0)) }
        let streams = [stream("one", 10, since: 0)] + many
        let chosen = choose(from: streams, toFree: 500)
        #expect(chosen == Array(1...50))
    }

    @Test func endsWhenNobodyIsLeft() {
        #expect(choose(from: [stream("a", 10, since: 0)], toFree: 1_000) == [0])
        #expect(choose(from: [], toFree: 1).isEmpty)
        #expect(choose(from: [stream("a", 10, since: 0)], toFree: 0).isEmpty)
    }

    @Test func callsWithoutABodyOnlyCountForTheirPeer() {
        // "heavy" holds most, but none of it is a waiting body that could be ended; "light" isn't ended in its stead.
        let streams = [stream("light", 40, since: 1), stream("heavy", 10, since: 9)]
        #expect(choose(from: streams, toFree: 500, besides: ["heavy": 900], allowance: 50) == [1])
    }

    @Test func sparesPeersWithinTheAllowance() {
        let streams = (0..<10).map { stream("a", 10, since: UInt64($0)) }
        #expect(choose(from: streams, toFree: 1_000, allowance: 60) == [0, 1, 2, 3])
        #expect(choose(from: streams, toFree: 1_000, allowance: 100).isEmpty)
    }
}

import DataPlane
import EventLoop
import Testing

@Suite struct MemoryReliefTests {
    private func stream(_ peer: String, _ bytes: Int, since: UInt64) -> MemoryRelief.Stream<String> {
        MemoryRelief.Stream(peer: peer, bytes: bytes, shutSince: MonotonicTime(nanoseconds: since))
    }

    @Test func endsTheLongestShutOfWhoPinsMost() {
        let streams = [
            stream("small", 90, since: 1), stream("large", 50, since: 7), stream("large", 60, since: 5),
            stream("large", 40, since: 9),
        ]
        #expect(MemoryRelief.choose(from: streams, toFree: 60) == [2])
    }

    @Test func goesOnWithWhoeverPinsMostThen() {
        let streams = [
            stream("a", 100, since: 3), stream("a", 100, since: 2), stream("b", 150, since: 1),
        ]
        // "a" has 200 and then 100, so that "b" is next.
        #expect(MemoryRelief.choose(from: streams, toFree: 250) == [1, 2])
    }

    @Test func leavesAloneWhoHoldsLittle() {
        let many = (0..<100).map { stream("many", 10, since: UInt64($0)) }
        let streams = [stream("one", 10, since: 0)] + many
        let chosen = MemoryRelief.choose(from: streams, toFree: 500)
        #expect(chosen == Array(1...50))
    }

    @Test func endsWhenNobodyIsLeft() {
        #expect(MemoryRelief.choose(from: [stream("a", 10, since: 0)], toFree: 1_000) == [0])
        #expect(MemoryRelief.choose(from: [MemoryRelief.Stream<String>](), toFree: 1).isEmpty)
        #expect(MemoryRelief.choose(from: [stream("a", 10, since: 0)], toFree: 0).isEmpty)
    }
}

import Connections
import EventLoop
import TestSupport
import Testing

@Suite struct LogLimiterTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func limiter(capacity: Int = 10) -> LogLimiter {
        LogLimiter(most: 2, window: .seconds(10), capacity: capacity)
    }

    @Test func admitsAFewForEachRuleAndPeer() {
        var limiter = limiter()
        #expect((0..<4).map { _ in limiter.admits("a", .ipv4(1), now: start) } == [true, true, false, false])
        expect(limiter.admits("a", .ipv4(2), now: start))
        expect(limiter.admits("b", .ipv4(1), now: start))
    }

    @Test func saysHowManyLinesWereLeftOut() {
        var limiter = limiter()
        for _ in 0..<7 { _ = limiter.admits("a", .ipv4(1), now: start) }
        for _ in 0..<2 { _ = limiter.admits("b", .ipv4(1), now: start + .seconds(1)) }
        #expect(limiter.takeEnded(now: start + .milliseconds(9_999)).isEmpty)
        let ended = limiter.takeEnded(now: start + .seconds(10))
        #expect(ended.map(\.leftOut) == [5] && ended.first?.key == LogLimiter.Key(rule: "a", peer: .ipv4(1)))
        // A window in which nothing was left out ends without a line.
        #expect(limiter.takeEnded(now: start + .seconds(11)).isEmpty && limiter.count == 0)
        expect(limiter.admits("a", .ipv4(1), now: start + .seconds(11)))
    }

    @Test func isBoundedHoweverManyPeersThereAre() {
        var limiter = limiter(capacity: 10)
        var admitted = 0
        for number in 0..<10_000 where limiter.admits("a", .ipv4(UInt32(number)), now: start) { admitted += 1 }
        #expect(admitted == 12 && limiter.count == 11)
        // Peers that already have an entry keep their own lines.
        expect(limiter.admits("a", .ipv4(9), now: start))
        let ended = limiter.takeEnded(now: start + .seconds(10))
        #expect(ended.map(\.leftOut) == [9_988] && ended.first?.key.peer == nil)
    }
}

import Connections
import EventLoop
import TestSupport
import Testing

@Suite struct PingPolicyTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func allowsPingsAtTheirInterval() {
        var policy = PingPolicy(minimumInterval: .seconds(10))
        for number in 0..<100 { expect(policy.received(now: start + .seconds(10 * number))) }
    }

    @Test func aTenthOfTheIntervalIsSlack() {
        var exact = PingPolicy(minimumInterval: .seconds(5))
        // Sent on time, but every second one arrives 400 ms late, so the next one seems early.
        for number in 0..<100 {
            let jitter = Duration.milliseconds(number.isMultiple(of: 2) ? 0 : 400)
            expect(exact.received(now: start + .seconds(5 * number) + jitter))
        }
        var early = PingPolicy(minimumInterval: .seconds(5))
        #expect((0..<4).map { early.received(now: start + .milliseconds(4499 * $0)) } == [true, true, true, false])
        var slack = PingPolicy(minimumInterval: .seconds(5))
        #expect((0..<4).allSatisfy { slack.received(now: start + .milliseconds(4500 * $0)) })
    }

    @Test func endsAtTheThirdStrike() {
        var policy = PingPolicy(minimumInterval: .seconds(10))
        #expect((0..<4).map { policy.received(now: start + .seconds($0)) } == [true, true, true, false])
    }

    @Test func forgivesWhileDataFlows() {
        var policy = PingPolicy(minimumInterval: .seconds(10))
        for _ in 0..<100 {
            expect(policy.received(now: start))
            expect(policy.received(now: start))
            policy.sentData()
        }
    }
}

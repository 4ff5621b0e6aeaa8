import DataPlane
import EventLoop
import Testing

@Suite struct PingPolicyTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func allowsPingsAtTheirInterval() {
        var policy = PingPolicy(minimumInterval: .seconds(10))
        for number in 0..<100 { expect(policy.received(now: start + .seconds(10 * number))) }
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

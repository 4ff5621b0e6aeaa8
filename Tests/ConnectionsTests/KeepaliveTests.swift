import Connections
import EventLoop
import Testing

@Suite struct KeepaliveTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    /// What is to be done at times after the start, with a silence of 20 s and 10 s for an answer.
    private func steps(
        _ times: [Double], received: (Double) -> Double = { _ in 0 }, isWanted: (Double) -> Bool = { _ in true }
    ) -> [Keepalive.Step] {
        var keepalive = Keepalive()
        return times.map { time in
            keepalive.step(
                lastReceived: start + .seconds(received(time)), silence: .seconds(20), timeout: .seconds(10),
                now: start + .seconds(time), isWanted: isWanted(time))
        }
    }

    @Test func asksAfterASilence() {
        #expect(steps([1, 20, 20.25]) == [.nothing, .nothing, .sendPing])
    }

    @Test func asksNobodyWhoSpeaks() {
        #expect(steps(Array(stride(from: 0, to: 100, by: 5)), received: { $0 - 1 }).allSatisfy { $0 == .nothing })
    }

    @Test func asksOnceAndGivesUpWhenTheTimeIsOver() {
        #expect(steps([21, 22, 31, 31.25]) == [.sendPing, .nothing, .nothing, .dead])
    }

    /// Whether it was the PING's answer makes no difference.
    @Test func anythingThatComesLaterIsAnAnswer() {
        #expect(
            steps([21, 35, 50, 60, 70.25], received: { $0 > 30 ? 30 : 0 })
                == [.sendPing, .nothing, .nothing, .sendPing, .dead])
        // What came in the PING's turn was sent before it.
        #expect(steps([21, 31.25], received: { $0 > 30 ? 21 : 0 }) == [.sendPing, .dead])
    }

    @Test func asksOnlyWhereAnybodyNeedsToKnow() {
        var asked: [Double] = []
        let found = steps(
            [10, 21, 22, 23],
            isWanted: { time in
                asked.append(time)
                return time > 21
            })
        #expect(found == [.nothing, .nothing, .sendPing, .nothing])
        #expect(asked == [21, 22])
    }
}

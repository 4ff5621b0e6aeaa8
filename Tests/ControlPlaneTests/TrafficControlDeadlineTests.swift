import ControlPlane
import DataPlane
import Ground
import TestSupport
import Testing

@Suite struct TrafficControlDeadlineTests {
    private let clock = HandClock()
    private let traffic = FakeTraffic()
    private let change = Change(
        epoch: 5, action: .switch, from: .blue, to: .green, at: Timestamp(milliseconds: 0), who: "someone")
    private let two = [TrafficReport.InFlight(epoch: 4, color: .blue, calls: 2)]

    private func remaining(_ timeout: Duration) async -> TrafficReport.Left {
        await traffic.remaining(behind: change, timeout: timeout, clock)
    }

    /// Waits until both the wait and its deadline are under way.
    private func isUnderWay() async -> Bool {
        await eventually { traffic.waitCount == 1 && clock.sleeperCount == 1 }
    }

    @Test func isOverAtOnceWhereNothingIsLeft() async {
        // Newer calls on the old color, as after a switch back, don't count, nor do calls on the new one.
        traffic.answer(inFlight: [[.init(epoch: 5, color: .green, calls: 9), .init(epoch: 6, color: .blue, calls: 4)]])
        #expect(await remaining(.seconds(30)).isNone)
        #expect(traffic.reportCount == 0)
    }

    @Test func isOverWithTheLastCall() async {
        traffic.answer(inFlight: [two])
        async let left = remaining(.seconds(30))
        #expect(await isUnderWay())
        traffic.answer(inFlight: [[.init(epoch: 2, color: .blue, calls: 1)]])
        traffic.answer(inFlight: [[]])
        #expect(await left.isNone)
        // It waits for the event and doesn't poll.
        #expect(traffic.reportCount == 0)
        #expect(clock.sleeperCount == 0)
    }

    @Test func givesUpWhenTheTimeIsUp() async {
        traffic.answer(inFlight: [two])
        async let left = remaining(.milliseconds(120))
        #expect(await isUnderWay())
        clock.advance(by: .milliseconds(119))
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .milliseconds(1))
        #expect(await left == .init(calls: 2))
    }

    @Test func looksOnceWhereThereIsNoTime() async {
        traffic.answer(inFlight: [two])
        #expect(await remaining(.zero) == .init(calls: 2))
        traffic.answer(inFlight: [[]])
        #expect(await remaining(.zero).isNone)
        #expect(traffic.waitCount == 0)
    }

    @Test func aProcessThatDoesNotAnswerMayHaveCalls() async {
        var silent = TrafficReport()
        silent.unanswered = 1
        traffic.answer([silent])
        async let left = remaining(.milliseconds(120))
        #expect(await isUnderWay())
        clock.advance(by: .milliseconds(120))
        #expect(await left == .init(calls: 0, unanswered: 1))
    }

    @Test func aProcessMayAnswerAgain() async {
        var silent = TrafficReport()
        silent.unanswered = 1
        traffic.answer([silent])
        async let left = remaining(.seconds(10))
        #expect(await isUnderWay())
        traffic.answer([TrafficReport()])
        #expect(await left.isNone)
    }

    /// Another process has taken over, with the lines to earlier processes. Their calls can't be learned about here any
    /// more, so nobody waits out the hour.
    @Test func endsWhenTheAnswerCanNoLongerBeKnown() async {
        var silent = TrafficReport()
        silent.unanswered = 1
        traffic.answer([silent])
        async let left = remaining(.seconds(3600))
        #expect(await isUnderWay())
        traffic.loseSight()
        #expect(await left == .init(calls: 0, unanswered: 1))
    }

    @Test func hasNothingToWaitForAtTheFirstStart() async {
        traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 2)]])
        let first = Change(
            epoch: 1, action: .initial, from: nil, to: .blue, at: Timestamp(milliseconds: 0), who: "settings")
        #expect(await traffic.remaining(behind: first, timeout: .seconds(1), clock).isNone)
    }

    @Test func endsWithItsTask() async {
        traffic.answer(inFlight: [two])
        let task = Task { await remaining(.seconds(3600)) }
        #expect(await isUnderWay())
        task.cancel()
        #expect(await task.value.calls == 2)
        #expect(clock.sleeperCount == 0)
    }
}

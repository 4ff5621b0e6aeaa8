import ControlPlane
import DataPlane
import Testing

@Suite struct DrainWaitTests {
    private let clock = StepClock()
    private let traffic = FakeTraffic()
    private let change = Change(
        epoch: 5, action: .switch, from: .blue, to: .green, at: Timestamp(milliseconds: 0), who: "someone")

    private func remaining(_ timeout: Duration) async -> Int {
        await DrainWait(traffic: traffic, clock: clock, interval: .milliseconds(50))
            .remaining(behind: change, timeout: timeout).calls
    }

    @Test func isOverAtOnceWhereNothingIsLeft() async {
        // Newer calls on the old color, as after a way back, and calls on the new one don't count.
        traffic.answer(inFlight: [[.init(epoch: 5, color: .green, calls: 9), .init(epoch: 6, color: .blue, calls: 4)]])
        #expect(await remaining(.seconds(30)) == 0)
        #expect(clock.sleeps == [])
    }

    @Test func waitsUntilTheLastCallIsGone() async {
        traffic.answer(inFlight: [
            [.init(epoch: 4, color: .blue, calls: 2), .init(epoch: 2, color: .blue, calls: 1)],
            [.init(epoch: 2, color: .blue, calls: 1)], [],
        ])
        #expect(await remaining(.seconds(30)) == 0)
        #expect(clock.sleeps == [.milliseconds(50), .milliseconds(50)])
    }

    @Test func givesUpWhenTheTimeIsUp() async {
        traffic.answer(inFlight: [[.init(epoch: 4, color: .blue, calls: 2)]])
        #expect(await remaining(.milliseconds(120)) == 2)
        #expect(clock.sleeps == [.milliseconds(50), .milliseconds(50), .milliseconds(20)])
        #expect(await remaining(.zero) == 2)
    }

    @Test func aProcessThatDoesNotAnswerMayHaveCalls() async {
        var silent = TrafficReport()
        silent.unanswered = 1
        traffic.answer([silent])
        let wait = DrainWait(traffic: traffic, clock: clock, interval: .milliseconds(50))
        #expect(
            await wait.remaining(behind: change, timeout: .milliseconds(120)) == .init(calls: 0, unanswered: 1))
        #expect(clock.sleeps.count == 3)
        // It answers again.
        traffic.answer([silent, TrafficReport()])
        #expect(await wait.remaining(behind: change, timeout: .seconds(10)).isNone)
    }

    @Test func hasNothingToWaitForAtTheFirstStart() async {
        traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 2)]])
        let first = Change(
            epoch: 1, action: .initial, from: nil, to: .blue, at: Timestamp(milliseconds: 0), who: "settings")
        let wait = DrainWait(traffic: traffic, clock: clock)
        #expect(await wait.remaining(behind: first, timeout: .seconds(1)).isNone)
    }

    @Test func endsWithItsTask() async {
        traffic.answer(inFlight: [[.init(epoch: 4, color: .blue, calls: 2)]])
        let wait = DrainWait(traffic: traffic)
        let change = change
        let task = Task { await wait.remaining(behind: change, timeout: .seconds(3600)) }
        #expect(await eventually { traffic.reportCount > 0 })
        task.cancel()
        #expect(await task.value.calls == 2)
    }
}

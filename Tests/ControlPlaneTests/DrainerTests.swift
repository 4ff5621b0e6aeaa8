import ControlPlane
import DataPlane
import Ground
import Logging
import TestSupport
import Testing

@Suite struct DrainerTests {
    private let clock = HandClock()
    private let traffic = FakeTraffic()
    private let drainer: Drainer
    private let toGreen = Change(
        epoch: 2, action: .switch, from: .blue, to: .green, at: Timestamp(milliseconds: 1000), who: "someone")
    private let backToBlue = Change(
        epoch: 3, action: .rollback, from: .green, to: .blue, at: Timestamp(milliseconds: 2000), who: "someone")

    init() {
        drainer = Drainer(
            traffic: traffic, timeout: nil, clock: clock,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    }

    /// A report of `calls` on blue from before epoch 2, and of `drained` calls that a drain has ended.
    private func report(blue calls: Int, drained: Int = 0) -> TrafficReport {
        var report = TrafficReport()
        report.inFlight = [
            .init(epoch: 1, color: .blue, calls: calls), .init(epoch: 2, color: .blue, calls: 9),
            .init(epoch: 2, color: .green, calls: 9),
        ]
        report.colors.blue.drained = 100 + drained
        return report
    }

    private func begin(_ timeout: Duration, calls: Int) async throws {
        traffic.answer([report(blue: calls)])
        let drain = try #require(drainer.changed(toGreen, .after(timeout)))
        #expect(drain.color == .blue)
        #expect(await eventually { traffic.reportCount > 0 && (timeout == .zero || clock.sleeperCount == 1) })
    }

    @Test func leavesCallsAloneUnlessToldOtherwise() {
        #expect(drainer.changed(toGreen, .standard) == nil)
        #expect(drainer.changed(backToBlue, .off) == nil)
        #expect(drainer.current == nil)
        #expect(traffic.drainCommands == [])
    }

    @Test func usesTheTimeoutOfTheSettings() {
        drainer.set(timeout: .seconds(30))
        #expect(drainer.changed(toGreen, .standard)?.timeout == .seconds(30))
        #expect(drainer.changed(backToBlue, .off) == nil)
        #expect(drainer.current == nil)
        #expect(drainer.counts == [.superseded: 1])
    }

    @Test func endsRemainingCallsWhenTheTimeIsUp() async throws {
        try await begin(.seconds(60), calls: 2500)
        #expect(drainer.current?.left == .seconds(60))
        clock.advance(by: .seconds(59))
        #expect(drainer.current?.left == .seconds(1))
        #expect(drainer.current?.drain.phase == .waiting)
        #expect(traffic.drainCommands == [])
        clock.advance(by: .seconds(1))
        #expect(await eventually { drainer.current?.drain.phase == .ending(over: .milliseconds(2500)) })
        #expect(drainer.current?.left == .zero)
        clock.advance(by: .seconds(1))
        #expect(drainer.current?.left == .zero)
        #expect(traffic.drainCommands == [.end(.blue, before: 2, over: .milliseconds(2500))])
        traffic.answer([report(blue: 0, drained: 2400)])
        #expect(await eventually { drainer.current == nil })
        #expect(drainer.counts == [.ended: 1])
    }

    /// A process that was taken over from is stopped with calls open, so nobody can say whether they have ended.
    @Test func isOverEvenIfAProcessDoesNotAnswer() async throws {
        try await begin(.seconds(60), calls: 2500)
        clock.advance(by: .seconds(60))
        #expect(await eventually { drainer.current?.drain.phase == .ending(over: .milliseconds(2500)) })
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: .milliseconds(2500) + .seconds(9))
        #expect(drainer.current != nil)
        var silent = report(blue: 3, drained: 2497)
        silent.unanswered = 1
        traffic.answer([silent])
        clock.advance(by: .seconds(1))
        #expect(await eventually { drainer.current == nil })
        #expect(drainer.counts == [.ended: 1])
    }

    @Test func callsHaveTheirTimeEvenIfTheirEndCanNotBeKnown() async throws {
        traffic.loseSight()
        try await begin(.seconds(60), calls: 3)
        #expect(drainer.current?.drain.phase == .waiting)
        clock.advance(by: .seconds(60))
        #expect(await eventually { traffic.drainCommands == [.end(.blue, before: 2, over: .seconds(1))] })
    }

    @Test func isOverAsSoonAsTheLastCallIsGone() async throws {
        try await begin(.seconds(60), calls: 3)
        traffic.answer([report(blue: 0)])
        #expect(await eventually { drainer.current == nil })
        #expect(drainer.counts == [.finished: 1])
        #expect(await eventually { clock.sleeperCount == 0 })
        clock.advance(by: .seconds(100))
        #expect(traffic.drainCommands == [])
    }

    /// Only calls that asked for blue are there: no change has left them behind, and the drain ends them all the same.
    @Test func endsCallsThatAskedForTheColor() async throws {
        var asked = TrafficReport()
        asked.askedFor = [.init(epoch: 1, color: .blue, calls: 2), .init(epoch: 2, color: .blue, calls: 1)]
        traffic.answer([asked])
        #expect(drainer.changed(toGreen, .after(.seconds(60))) != nil)
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: .seconds(60))
        #expect(await eventually { traffic.drainCommands == [.end(.blue, before: 2, over: .seconds(1))] })
    }

    @Test func canBeCancelledWhileItWaits() async throws {
        try await begin(.seconds(60), calls: 3)
        let cancelled = drainer.cancel()
        #expect(cancelled?.epoch == 2)
        #expect(drainer.current == nil)
        #expect(await eventually { clock.sleeperCount == 0 })
        clock.advance(by: .seconds(100))
        #expect(drainer.cancel() == nil)
        // The workers haven't been told to end anything yet, so there is nothing to cancel there.
        #expect(traffic.drainCommands == [])
        #expect(drainer.counts == [.cancelled: 1])
    }

    @Test func canBeCancelledWhileItEndsCalls() async throws {
        try await begin(.zero, calls: 3)
        #expect(await eventually { drainer.current?.drain.phase == .ending(over: .seconds(1)) })
        #expect(drainer.cancel()?.color == .blue)
        #expect(traffic.drainCommands == [.end(.blue, before: 2, over: .seconds(1)), .cancel])
        traffic.answer([report(blue: 0, drained: 1)])
        #expect(drainer.counts == [.cancelled: 1])
    }

    @Test func aChangeBackEndsItAndMayBeginAnother() async throws {
        try await begin(.seconds(60), calls: 3)
        let other = drainer.changed(backToBlue, .after(.seconds(5)))
        #expect(other?.color == .green)
        #expect(other?.epoch == 3)
        #expect(drainer.counts == [.superseded: 1])
        #expect(await eventually { clock.sleeperCount == 1 })
        clock.advance(by: .seconds(5))
        #expect(await eventually { traffic.drainCommands == [.end(.green, before: 3, over: .seconds(1))] })
    }

    @Test func aChangeBackStopsEndingCalls() async throws {
        try await begin(.zero, calls: 3)
        #expect(await eventually { traffic.drainCommands.count == 1 })
        #expect(drainer.changed(backToBlue, .standard) == nil)
        #expect(traffic.drainCommands.last == .cancel)
        #expect(drainer.counts == [.superseded: 1])
    }
}

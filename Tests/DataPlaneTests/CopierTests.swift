import Connections
import DataPlane
import EventLoop
import Testing

/// Copies of calls, with a client, two backends and a clock that are driven by hand.
@Suite struct CopierTests {
    private static func settings(buffer: Int = 256 << 10, noise: Bool = false) -> CopySettings {
        var settings = CopySettings()
        settings.methods = [.all]
        if noise { settings.noiseMethods = [.all] }
        settings.buffer = buffer
        return settings
    }

    /// A stage whose calls are all copied, with a client and a connection to blue for calls.
    private func stage(
        _ settings: CopySettings = settings(), limits: DataPlaneLimits = DataPlaneLimits(), share: Share = .all
    ) throws -> (WorkerStage, SimulatedClient) {
        let stage = try WorkerStage(limits: limits, copies: settings)
        stage.worker.publish(shadow: ShadowRule(epoch: 1, share: share, noise: .all))
        let client = try stage.client()
        return (stage, client)
    }

    /// Accepts what was started, and takes turns until nothing moves.
    private func go(_ stage: WorkerStage) {
        stage.settle()
        while !stage.attempts.isEmpty {
            stage.accept()
            stage.settle()
        }
    }

    private func counts(_ stage: WorkerStage) -> CopyCounts { stage.worker.report().workers[0].copies }

    private func check(_ stage: WorkerStage) {
        #expect(stage.journal.violations == [])
    }

    @Test func aCopyGoesOverAConnectionOfItsOwn() throws {
        let (stage, client) = try stage()
        let call = stage.call(client, size: 100)
        go(stage)
        #expect(stage.backends.map(\.color).sorted { $0.name < $1.name } == [.blue, .green])
        #expect(call.outcome == .complete && call.attempts.count == 1 && call.copies.map(\.color) == [.green])
        #expect(call.copies[0].received == 100 && call.copies[0].requestHasEnded)
        stage.pass(.milliseconds(20))
        guard case .differed(let calls) = stage.outcomes.taken.first, let copied = calls.first else {
            Issue.record("there is no answer: \(stage.outcomes.taken)")
            return
        }
        #expect(copied.epoch == 1 && copied.method == "/simulation/0" && copied.source == .otherColor)
        #expect(copied.active.status == 0 && copied.active.body.count == 10 && copied.other.body.count == 10)
        let counts = counts(stage)
        #expect((counts.started, counts.answered, counts.open, counts.bytes) == (1, 1, 0, 0))
        check(stage)
    }

    /// Of equal answers only their times are handed over, those of one method together.
    @Test func equalAnswersAreCounted() throws {
        let (stage, client) = try stage()
        (stage.plan, stage.planOfCopy) = (.trailersOnly, .trailersOnly)
        stage.call(client)
        go(stage)
        #expect(stage.outcomes.taken.isEmpty)
        stage.pass(.milliseconds(20))
        guard case .agreed(let calls) = stage.outcomes.taken.first, stage.outcomes.taken.count == 1 else {
            Issue.record("they don't agree: \(stage.outcomes.taken)")
            return
        }
        #expect(calls.epoch == 1 && calls.method == "/simulation/0" && calls.source == .otherColor)
        #expect(calls.status == 0 && calls.times.count == 1)
        check(stage)
    }

    @Test func whatIsKeptIsHandedOverWithTheStepsEnd() throws {
        let (stage, client) = try stage()
        stage.call(client)
        go(stage)
        #expect(stage.outcomes.taken.isEmpty)
        stage.worker.publish(shadow: nil)
        #expect(stage.outcomes.taken.count == 1)
    }

    @Test func whoeverAsksForAReportHasAllOutcomesBeforeIt() throws {
        let (stage, client) = try stage()
        stage.call(client)
        go(stage)
        #expect(stage.outcomes.taken.isEmpty && counts(stage).answered == 1)
        #expect(stage.outcomes.taken.count == 1)
        check(stage)
    }

    @Test func itIsInNoColorsTotals() throws {
        let (stage, client) = try stage()
        stage.planOfCopy = .hold
        for _ in 0..<3 { stage.call(client) }
        go(stage)
        let report = stage.worker.report()
        #expect(report.colors.green.started == 0 && report.colors.green.upstreamConnections == 0)
        #expect(report.colors.blue.started == 3 && report.inFlight(on: .green) == 0)
        #expect(counts(stage).open == 3)
        check(stage)
    }

    @Test func onlyCallsOfItsEpochAreCopied() throws {
        let (stage, client) = try stage()
        // The rule is void with the next change, whether or not the worker has heard of it.
        stage.word.store(Route(epoch: 2, active: .blue))
        stage.call(client)
        go(stage)
        #expect(counts(stage).started == 0)
        check(stage)
    }

    @Test func callsThatAskForAColorAreNotCopied() throws {
        let (stage, client) = try stage()
        stage.call(client, wish: .metadata(.active))
        stage.call(client, isGRPC: false)
        go(stage)
        #expect(counts(stage).started == 0)
        check(stage)
    }

    @Test func aCopyIsCancelledWithItsCall() throws {
        let (stage, client) = try stage()
        (stage.plan, stage.planOfCopy) = (.hold, .hold)
        let call = stage.call(client)
        go(stage)
        #expect(call.copies.count == 1 && !call.copies[0].isOver)
        client.cancel(call, 8)
        stage.settle()
        #expect(call.copies[0].isOver && counts(stage).givenUp[.cancelled] == 1 && counts(stage).bytes == 0)
        check(stage)
    }

    /// Its call is answered; somebody who waits no longer than that would give up every slow copy.
    @Test func aCopyHasSomeTimeOfItsOwn() throws {
        let (stage, client) = try stage()
        stage.planOfCopy = .hold
        let call = stage.call(client)
        go(stage)
        #expect(call.outcome == .complete)
        stage.pass(.seconds(9))
        #expect(counts(stage).open == 1)
        stage.pass(.seconds(2))
        #expect(counts(stage).givenUp[.late] == 1 && counts(stage).open == 0 && call.copies[0].isOver)
        check(stage)
    }

    @Test func whatIsKeptIsBounded() throws {
        let (stage, client) = try stage(Self.settings(buffer: 4_096))
        stage.planOfCopy = .hold
        // Of a backend that reads nothing the windows are shut, and what has come for it waits.
        let call = stage.call(client, size: 200_000)
        go(stage)
        #expect(call.outcome == .complete && counts(stage).givenUp[.tooLarge] == 1 && counts(stage).bytes == 0)
        // Both answers count as well.
        stage.plan = .answer(size: 5_000, early: false)
        stage.call(client)
        go(stage)
        #expect(counts(stage).givenUp[.tooLarge] == 2)
        check(stage)
    }

    @Test func aWorkerKeepsNoMoreThanItMay() throws {
        let (stage, client) = try stage(Self.settings(buffer: 4_096))
        (stage.plan, stage.planOfCopy) = (.hold, .hold)
        // 64 times 4,096 bytes: about 80 copies.
        for _ in 0..<99 { stage.call(client) }
        go(stage)
        let counts = counts(stage)
        #expect(counts.givenUp[.memory] > 0 && counts.bytes <= 64 * 4_096 && counts.open < 99)
        #expect(stage.worker.report().workers[0].callsInFlight == 99)
        check(stage)
    }

    @Test func aColorThatTakesNoConnectionIsGivenUp() throws {
        let (stage, client) = try stage()
        let first = stage.call(client)
        stage.settle()
        // Blue's connection is the first; green's, for the copy, is dropped.
        #expect(stage.attempts.map { $0.port / 1_000 } == [1, 2])
        stage.accept()
        stage.dropAttempts()
        stage.settle()
        #expect(first.outcome == .complete && counts(stage).givenUp[.unreachable] == 1)
        // In the pause before the next attempt nothing waits.
        let second = stage.call(client)
        stage.settle()
        #expect(second.outcome == .complete && counts(stage).givenUp[.unreachable] == 2 && stage.attempts.isEmpty)
        stage.pass(.milliseconds(100))
        let third = stage.call(client)
        go(stage)
        #expect(third.copies.count == 1 && counts(stage).answered == 1)
        check(stage)
    }

    @Test func anUnhealthyColorGetsNoCopies() throws {
        let (stage, client) = try stage()
        stage.worker.publish(health: PerColor(blue: [true], green: [false]))
        stage.call(client)
        go(stage)
        #expect(counts(stage).givenUp[.unreachable] == 1 && stage.backends.map(\.color) == [.blue])
        check(stage)
    }

    @Test func aConnectionThatIsLostIsAnAnswer() throws {
        let (stage, client) = try stage()
        stage.planOfCopy = .hold
        stage.call(client)
        go(stage)
        let green = try #require(stage.backends.first { $0.color == .green })
        green.breakOff()
        stage.settle()
        stage.pass(.milliseconds(20))
        guard case .differed(let calls) = stage.outcomes.taken.first, let copied = calls.first else {
            Issue.record("there is no answer: \(stage.outcomes.taken)")
            return
        }
        #expect(copied.other.status == 14 && copied.active.status == 0)
        check(stage)
    }

    /// Servers end a connection on which too many streams are reset.
    @Test func aConnectionWithManyResetsIsReplaced() throws {
        var limits = DataPlaneLimits()
        limits.upstreamResets = 4
        let (stage, client) = try stage(limits: limits)
        (stage.plan, stage.planOfCopy) = (.hold, .hold)
        for _ in 0..<6 {
            let call = stage.call(client)
            go(stage)
            client.cancel(call, 8)
            stage.settle()
        }
        stage.pass(.seconds(1))
        (stage.plan, stage.planOfCopy) = (.answer(size: 1, early: false), .answer(size: 1, early: false))
        stage.call(client)
        go(stage)
        #expect(counts(stage).answered == 1)
        #expect(stage.backends.count { $0.color == .green } >= 2)
        check(stage)
    }

    @Test func aConnectionWithoutCopiesIsClosed() throws {
        let (stage, client) = try stage()
        stage.call(client)
        go(stage)
        let green = try #require(stage.backends.first { $0.color == .green })
        stage.pass(.seconds(9))
        #expect(green.isOpen)
        stage.pass(.seconds(2))
        #expect(!green.isOpen)
        check(stage)
    }

    @Test func theActiveColorIsAskedOnceMore() throws {
        let (stage, client) = try stage(Self.settings(noise: true))
        let call = stage.call(client)
        go(stage)
        #expect(Set(call.copies.map(\.color)) == [.blue, .green])
        stage.pass(.milliseconds(20))
        let sources = stage.outcomes.taken.flatMap { outcome in
            if case .differed(let calls) = outcome { calls.map(\.source) } else { [CopiedCall.Source]() }
        }
        #expect(sources.count == 2 && sources.contains(.sameColor) && sources.contains(.otherColor))
        // The copies of both colors go over connections of their own.
        #expect(stage.backends.count { $0.color == .blue } == 2)
        check(stage)
    }
}

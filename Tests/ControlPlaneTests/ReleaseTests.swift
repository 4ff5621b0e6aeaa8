import ControlPlane
import DataPlane
import Ground
import Testing

@Suite struct ReleaseTests {
    private static func at(_ seconds: Double) -> Timestamp { Timestamp(milliseconds: Int64(seconds * 1_000)) }

    private func release(
        _ shares: [UInt16] = [500, 2_500], minCalls: Int = 10, onNoData: ReleasePlan.NoData = .pause
    ) -> Release {
        let steps = shares.map { ReleasePlan.Step(canary: Share(parts: $0), time: .seconds(60)) }
        return Release(
            number: 7, plan: ReleasePlan(to: .green, steps: steps, minCalls: minCalls, onNoData: onNoData),
            from: .blue, forced: false, who: "someone", at: Self.at(0), idempotencyKey: nil,
            secret: ShareSecret(1, 2))
    }

    private func seen(_ calls: Int, after elapsed: Double) -> Release.Observation {
        var seen = Release.Observation()
        (seen.canaryCalls, seen.controlCalls) = (calls, 10 * calls)
        seen.elapsed = .milliseconds(Int64(elapsed * 1_000))
        return seen
    }

    @Test func goesOnWhenAStepsTimeIsUp() {
        var release = release()
        #expect(release.share == Share(parts: 500) && release.left == .seconds(60))
        #expect(release.observe(seen(10, after: 59.9), at: Self.at(59.9)) == nil)
        #expect(release.observe(seen(1, after: 0.1), at: Self.at(60)) == .give(Share(parts: 2_500)))
        #expect(release.step == 1 && release.left == .seconds(60))
        #expect(release.records[0].canaryCalls == 11 && release.records[0].controlCalls == 110)
        #expect(release.records[0].endedAt == Self.at(60))
        #expect(release.observe(seen(10, after: 59.9), at: Self.at(119.9)) == nil)
        #expect(release.observe(seen(0, after: 0.1), at: Self.at(120)) == .finish)
        #expect(release.phase == .ended(as: .done, at: Self.at(120)) && release.share == .none && !release.isUnderWay)
        #expect(release.observe(seen(5, after: 60), at: Self.at(180)) == nil, "it is over")
    }

    @Test(arguments: [
        (ReleasePlan.NoData.pause, Release.Effect.remember), (.continue, .give(Share(parts: 2_500))),
        (.abort, .takeBack),
    ]) func noDataIsNoVerdict(onNoData: ReleasePlan.NoData, effect: Release.Effect) {
        var release = release(onNoData: onNoData)
        #expect(release.observe(seen(9, after: 60), at: Self.at(60)) == effect)
        if onNoData == .pause { #expect(release.phase == .paused(why: .noData)) }
    }

    /// Calls of another step don't count.
    @Test func eachStepNeedsCallsOfItsOwn() {
        var release = release()
        _ = release.observe(seen(1_000, after: 60), at: Self.at(60))
        #expect(release.observe(seen(9, after: 60), at: Self.at(120)) == .remember)
    }

    @Test func aPauseKeepsTheShareAndStopsTheTime() throws {
        var release = release()
        _ = release.observe(seen(20, after: 30), at: Self.at(30))
        #expect(try release.follow(.pause, at: Self.at(30)) == .remember)
        #expect(release.share == Share(parts: 500) && release.left == .seconds(30))
        #expect(release.observe(seen(1, after: 470), at: Self.at(500)) == nil)
        #expect(release.records[0].canaryCalls == 21, "it goes on counting")
        #expect(try release.follow(.resume, at: Self.at(1_000)) == .remember)
        #expect(release.observe(seen(0, after: 29), at: Self.at(1_029)) == nil)
        #expect(release.observe(seen(0, after: 1), at: Self.at(1_030)) == .give(Share(parts: 2_500)))
    }

    @Test func whoResumesWithoutDataGoesOn() throws {
        var release = release()
        _ = release.observe(seen(0, after: 60), at: Self.at(60))
        #expect(try release.follow(.resume, at: Self.at(61)) == .give(Share(parts: 2_500)))
    }

    @Test(arguments: Color.allCases) func pausesWhileAColorIsNotHealthy(color: Color) {
        var release = release()
        var observation = seen(20, after: 60)
        observation.isHealthy[color] = false
        #expect(release.observe(observation, at: Self.at(1)) == .remember)
        #expect(release.phase == .paused(why: .health) && release.share == Share(parts: 500))
    }

    @Test func pausesWhileCallsFailOver() {
        var release = release()
        var observation = seen(20, after: 60)
        observation.isFailingOver = true
        #expect(release.observe(observation, at: Self.at(60)) == .remember)
        #expect(release.phase == .paused(why: .failover))
    }

    @Test func followsCommands() throws {
        var release = release()
        #expect(throws: Release.Refusal.self) { try release.follow(.resume, at: Self.at(1)) }
        #expect(try release.follow(.promote, at: Self.at(1)) == .give(Share(parts: 2_500)))
        #expect(try release.follow(.pause, at: Self.at(2)) == .remember)
        #expect(throws: Release.Refusal.self) { try release.follow(.pause, at: Self.at(3)) }
        // A pause keeps nobody from going on.
        #expect(try release.follow(.promote, at: Self.at(4)) == .finish)
        for command in Release.Command.allCases {
            #expect(throws: Release.Refusal.self) { try release.follow(command, at: Self.at(5)) }
        }
        var other = self.release()
        #expect(try other.follow(.abort, at: Self.at(1)) == .takeBack)
        #expect(other.phase == .ended(as: .aborted, at: Self.at(1)) && other.share == .none)
    }

    @Test func goesOnAfterItWasAwayForLessThanItsStep() {
        var release = release()
        _ = release.observe(seen(20, after: 10), at: Self.at(10))
        release.comeBack(at: Self.at(60))
        #expect(release.phase == .running && release.left == .seconds(50))
        #expect(release.observe(seen(0, after: 49), at: Self.at(109)) == nil)
        #expect(release.observe(seen(0, after: 1), at: Self.at(110)) == .give(Share(parts: 2_500)))
    }

    @Test func pausesAfterItWasAwayForLonger() {
        var release = release()
        release.comeBack(at: Self.at(60.1))
        #expect(release.phase == .paused(why: .away) && release.share == Share(parts: 500))
        var paused = self.release()
        _ = try? paused.follow(.pause, at: Self.at(1))
        paused.comeBack(at: Self.at(1_000))
        #expect(paused.phase == .paused(why: .asked))
    }

    /// The wall clock may jump: a step's time is counted by another.
    @Test(arguments: [-1_000.0, 100_000]) func aClockThatJumpsChangesNothing(time: Double) {
        var release = release()
        _ = release.observe(seen(20, after: 30), at: Self.at(30))
        #expect(release.observe(seen(0, after: 0.1), at: Self.at(time)) == nil)
        #expect(release.left == .milliseconds(29_900))
        #expect(release.observe(seen(0, after: 29.9), at: Self.at(time + 1)) == .give(Share(parts: 2_500)))
    }

    /// A call that began on the new color and then couldn't reach it doesn't count for it.
    @Test func whatFellBackDoesNotCount() {
        var release = release()
        _ = release.observe(seen(12, after: 10), at: Self.at(10))
        _ = release.observe(seen(-5, after: 50), at: Self.at(60))
        #expect(release.phase == .paused(why: .noData) && release.records[0].canaryCalls == 7)
    }

    /// Nor does one that has no end yet: a color that hangs would get all calls.
    @Test func whatIsUnderWayDoesNotCount() {
        var (release, other) = (release(), release())
        var hanging = seen(20, after: 60)
        hanging.underWay = 15
        #expect(release.observe(hanging, at: Self.at(60)) == .remember && release.phase == .paused(why: .noData))
        #expect(release.records[0].canaryCalls == 20)
        hanging.underWay = 10
        #expect(other.observe(hanging, at: Self.at(60)) == .give(Share(parts: 2_500)))
    }

    @Test func isTheSameAfterAFile() throws {
        var release = release()
        _ = release.observe(seen(20, after: 30), at: Self.at(30))
        _ = try release.follow(.pause, at: Self.at(31))
        let bytes = try JSONCoding.document(release)
        #expect(try JSONCoding.decode(Release.self, from: bytes) == release)
        #expect(release.secret == ShareSecret(1, 2))
    }

    // MARK: Breaches

    private let breach = Release.Breach(
        signal: "failures", method: "/a", basis: "calls at the same time", newCalls: 10, newFailures: 5, oldCalls: 100,
        oldFailures: 0, probability: 0.0001)

    private func release(onBreach: ReleasePlan.OnBreach) -> Release {
        var plan = ReleasePlan(
            to: .green, steps: [ReleasePlan.Step(canary: Share(parts: 500), time: .seconds(60))])
        plan.onBreach = onBreach
        return Release(
            number: 7, plan: plan, from: .blue, forced: false, who: "someone", at: Self.at(0), idempotencyKey: nil,
            secret: ShareSecret(1, 2))
    }

    @Test func aBreachTakesTheReleaseBack() {
        var release = release(onBreach: .rollback)
        #expect(release.found(breach, canGoBack: true, at: Self.at(5)) == .takeBack)
        #expect(release.phase == .ended(as: .rolledBack, at: Self.at(5)) && release.breach == breach)
        #expect(release.found(breach, canGoBack: true, at: Self.at(6)) == nil)
    }

    @Test func aBreachMayPauseInstead() throws {
        var release = release(onBreach: .pause)
        #expect(release.found(breach, canGoBack: true, at: Self.at(5)) == .remember)
        #expect(release.phase == .paused(why: .breach) && release.share == Share(parts: 500))
        #expect(release.found(breach, canGoBack: true, at: Self.at(6)) == nil, "it is known")
        // The evidence stands; only going on, or back, makes a difference.
        #expect(throws: Release.Refusal.self) { try release.follow(.resume, at: Self.at(7)) }
        #expect(try release.follow(.promote, at: Self.at(8)) == .finish)
    }

    @Test func theNextStepIsJudgedByItself() throws {
        var release = self.release([500, 2_500])
        _ = release.found(breach, canGoBack: false, at: Self.at(5))
        #expect(try release.follow(.promote, at: Self.at(6)) == .give(Share(parts: 2_500)))
        #expect(release.breach == nil && release.phase == .running)
    }

    /// What was seen at the same look is part of the receipt.
    @Test func aBreachCountsWhatItWasSeenWith() {
        var release = release(onBreach: .rollback)
        _ = release.found(breach, seen(46, after: 0.1), canGoBack: true, at: Self.at(5))
        #expect(release.records[0].canaryCalls == 46 && release.records[0].controlCalls == 460)
    }

    /// A paused release keeps its guard.
    @Test func aPausedReleaseIsTakenBack() throws {
        var release = release(onBreach: .rollback)
        _ = try release.follow(.pause, at: Self.at(1))
        #expect(release.found(breach, canGoBack: true, at: Self.at(5)) == .takeBack)
    }

    @Test func nobodyGoesBackToAColorThatIsDown() {
        var release = release(onBreach: .rollback)
        #expect(release.found(breach, canGoBack: false, at: Self.at(5)) == .remember)
        #expect(release.phase == .paused(why: .breach) && release.share == Share(parts: 500))
        #expect(release.found(breach, canGoBack: true, at: Self.at(6)) == .takeBack)
    }
}

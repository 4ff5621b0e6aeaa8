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

    private func seen(_ calls: Int) -> Release.Observation {
        var seen = Release.Observation()
        (seen.canaryCalls, seen.controlCalls) = (calls, 10 * calls)
        return seen
    }

    @Test func goesOnWhenAStepsTimeIsUp() {
        var release = release()
        #expect(release.share == Share(parts: 500) && release.left == .seconds(60))
        #expect(release.observe(seen(10), at: Self.at(59.9)) == nil)
        #expect(release.observe(seen(1), at: Self.at(60)) == .give(Share(parts: 2_500)))
        #expect(release.step == 1 && release.left == .seconds(60))
        #expect(release.records[0].canaryCalls == 11 && release.records[0].controlCalls == 110)
        #expect(release.records[0].endedAt == Self.at(60))
        #expect(release.observe(seen(10), at: Self.at(119.9)) == nil)
        #expect(release.observe(seen(0), at: Self.at(120)) == .finish)
        #expect(release.phase == .ended(as: .done, at: Self.at(120)) && release.share == .none && !release.isUnderWay)
        #expect(release.observe(seen(5), at: Self.at(180)) == nil, "it is over")
    }

    @Test(arguments: [
        (ReleasePlan.NoData.pause, Release.Effect.remember), (.continue, .give(Share(parts: 2_500))),
        (.abort, .takeBack),
    ]) func noDataIsNoVerdict(onNoData: ReleasePlan.NoData, effect: Release.Effect) {
        var release = release(onNoData: onNoData)
        #expect(release.observe(seen(9), at: Self.at(60)) == effect)
        if onNoData == .pause { #expect(release.phase == .paused(why: .noData)) }
    }

    /// Calls of another step don't count.
    @Test func eachStepNeedsCallsOfItsOwn() {
        var release = release()
        _ = release.observe(seen(1_000), at: Self.at(60))
        #expect(release.observe(seen(9), at: Self.at(120)) == .remember)
    }

    @Test func aPauseKeepsTheShareAndStopsTheTime() throws {
        var release = release()
        _ = release.observe(seen(20), at: Self.at(30))
        #expect(try release.follow(.pause, at: Self.at(30)) == .remember)
        #expect(release.share == Share(parts: 500) && release.left == .seconds(30))
        #expect(release.observe(seen(1), at: Self.at(500)) == nil)
        #expect(release.records[0].canaryCalls == 21, "it goes on counting")
        #expect(try release.follow(.resume, at: Self.at(1_000)) == .remember)
        #expect(release.observe(seen(0), at: Self.at(1_029)) == nil)
        #expect(release.observe(seen(0), at: Self.at(1_030)) == .give(Share(parts: 2_500)))
    }

    @Test func whoResumesWithoutDataGoesOn() throws {
        var release = release()
        _ = release.observe(seen(0), at: Self.at(60))
        #expect(try release.follow(.resume, at: Self.at(61)) == .give(Share(parts: 2_500)))
    }

    @Test(arguments: Color.allCases) func pausesWhileAColorIsNotHealthy(color: Color) {
        var release = release()
        var observation = seen(20)
        observation.isHealthy[color] = false
        #expect(release.observe(observation, at: Self.at(1)) == .remember)
        #expect(release.phase == .paused(why: .health) && release.share == Share(parts: 500))
    }

    @Test func pausesWhileCallsFailOver() {
        var release = release()
        var observation = seen(20)
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
        _ = release.observe(seen(20), at: Self.at(10))
        release.comeBack(at: Self.at(60))
        #expect(release.phase == .running && release.left == .seconds(50))
        #expect(release.observe(seen(0), at: Self.at(109)) == nil)
        #expect(release.observe(seen(0), at: Self.at(110)) == .give(Share(parts: 2_500)))
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

    /// The wall clock may jump.
    @Test func aClockThatGoesBackTakesNothingAway() {
        var release = release()
        _ = release.observe(seen(20), at: Self.at(30))
        #expect(release.observe(seen(0), at: Self.at(-1_000)) == nil)
        #expect(release.left == .seconds(30))
        #expect(release.observe(seen(0), at: Self.at(60)) == .give(Share(parts: 2_500)))
    }

    @Test func isTheSameAfterAFile() throws {
        var release = release()
        _ = release.observe(seen(20), at: Self.at(30))
        _ = try release.follow(.pause, at: Self.at(31))
        let bytes = try JSONCoding.document(release)
        #expect(try JSONCoding.decode(Release.self, from: bytes) == release)
        #expect(release.secret == ShareSecret(1, 2))
    }
}

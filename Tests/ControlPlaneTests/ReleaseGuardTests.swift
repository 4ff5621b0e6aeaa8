import ControlPlane
import DataPlane
import Ground
import Testing

/// The state machine of a release whose plan has a guard.
@Suite struct ReleaseGuardTests {
    private static func at(_ seconds: Double) -> Timestamp { Timestamp(milliseconds: Int64(seconds * 1_000)) }

    private func release(_ shares: [UInt16] = [500], minCalls: Int = 10) -> Release {
        var plan = ReleasePlan(
            to: .green, steps: shares.map { ReleasePlan.Step(canary: Share(parts: $0), time: .seconds(60)) },
            minCalls: minCalls)
        plan.guardMilliseconds = 30_000
        return Release(
            number: 7, plan: plan, from: .blue, forced: false, who: "someone", at: Self.at(0), idempotencyKey: nil,
            secret: ShareSecret(1, 2))
    }

    private func seen(_ calls: Int, after elapsed: Double) -> Release.Observation {
        var seen = Release.Observation()
        seen.canaryCalls = calls
        seen.elapsed = .milliseconds(Int64(elapsed * 1_000))
        return seen
    }

    private let breach = Release.Breach(
        signal: "failures", method: "/a", basis: "calls before", newCalls: 9, newFailures: 9, oldCalls: 100,
        oldFailures: 0, probability: 1e-5)

    @Test func followsTheLastStep() {
        var release = release()
        #expect(release.active == .blue && release.isBeforeGivingAll && !release.givesAllSoon)
        #expect(release.next == "guard 30s")
        #expect(release.observe(seen(10, after: 60), at: Self.at(60)) == .watch)
        #expect(release.isInGuard && release.isUnderWay && release.active == .green)
        #expect(release.share == .none && release.shownShare == .all && release.left == .seconds(30))
        #expect(release.observe(seen(10, after: 29), at: Self.at(89)) == nil)
        #expect(release.observe(seen(0, after: 1), at: Self.at(90)) == .conclude)
        #expect(release.phase == .ended(as: .done, at: Self.at(90)) && release.shownShare == .all)
    }

    @Test func isAllOfAReleaseWithoutSteps() {
        let release = release([])
        #expect(release.isInGuard && release.isUnderWay && release.step == 0 && release.next == "done")
    }

    @Test func goesBack() {
        var release = release([])
        #expect(release.found(breach, canGoBack: true, at: Self.at(5)) == .takeBack)
        #expect(release.phase == .ended(as: .rolledBack, at: Self.at(5)) && release.isInGuard)
        #expect(release.shownShare == .none)
        #expect(breach.text == "failures of /a: 9 of 9 calls failed, against 0 of 100 before")
    }

    @Test func saysHowSlowTheNewColorIs() {
        var breach = breach
        breach.signal = "duration"
        breach.newTimes = Release.Breach.Times(p50: 0.000_244_14, p99: 1.5)
        #expect(breach.text == "duration of /a: p50 0.24 ms and p99 1.5 s in 9 calls, against none before")
        breach.oldTimes = Release.Breach.Times(p50: 0.000_1, p99: 0.012)
        #expect(breach.text.hasSuffix("in 9 calls, against p50 0.1 ms and p99 12.0 ms in 100 before"))
    }

    @Test func waitsForAnOldColorThatIsDown() {
        var release = release([])
        #expect(release.found(breach, canGoBack: false, at: Self.at(5)) == .remember)
        #expect(release.phase == .paused(why: .breach))
        #expect(release.found(breach, canGoBack: true, at: Self.at(6)) == .takeBack)
    }

    @Test(arguments: Color.allCases) func needsBothColors(color: Color) {
        var release = release([])
        var observation = seen(20, after: 1)
        observation.isHealthy[color] = false
        #expect(release.observe(observation, at: Self.at(1)) == .remember)
        #expect(release.phase == .paused(why: .health) && release.shownShare == .all)
    }

    @Test func commandsEndIt() throws {
        var (one, other) = (release([]), release([]))
        #expect(try one.follow(.promote, at: Self.at(1)) == .conclude)
        #expect(one.phase == .ended(as: .done, at: Self.at(1)))
        #expect(try other.follow(.abort, at: Self.at(1)) == .takeBack)
        #expect(other.phase == .ended(as: .aborted, at: Self.at(1)))
    }

    @Test func withoutCallsItWaits() throws {
        var release = release([])
        #expect(release.observe(seen(9, after: 30), at: Self.at(30)) == .remember)
        #expect(release.phase == .paused(why: .noData))
        #expect(try release.follow(.resume, at: Self.at(31)) == .conclude)
    }

    @Test func theProxyMayBeAwayForAsLongAsItLasts() {
        var (one, other) = (release([]), release([]))
        one.comeBack(at: Self.at(30))
        #expect(one.phase == .running)
        other.comeBack(at: Self.at(31))
        #expect(other.phase == .paused(why: .away))
    }
}

import Analysis
import FoundationEssentials
import Testing

@Suite struct ReleaseGuardTests {
    private let method = "/prediction.Predictor/Predict"

    private func canary(_ plan: GuardPlan = GuardPlan()) -> ReleaseGuard {
        var watch = ReleaseGuard(plan: plan)
        watch.begin(.sameTime(share: 0.1, .byCall))
        return watch
    }

    private func counts(new: (Int, failures: Int), old: (Int, failures: Int), method: String? = nil) -> MethodCounts {
        MethodCounts(
            method: method ?? self.method, new: SideCounts(calls: new.0, failures: new.failures),
            old: SideCounts(calls: old.0, failures: old.failures))
    }

    @Test func noDataIsNoVerdict() {
        var watch = ReleaseGuard(plan: GuardPlan())
        #expect(watch.look([counts(new: (9, 9), old: (0, 0))]) == .none(strongest: nil))
        watch = canary()
        #expect(watch.look([]) == .none(strongest: nil))
        #expect(watch.look([MethodCounts(method: method)]) == .none(strongest: nil))
        #expect(!watch.look([counts(new: (3, 0), old: (27, 0))]).isBreach)
        // What has no data is not shown as the strongest evidence either.
        #expect(watch.look([counts(new: (30, 0), old: (270, 0))]).finding?.signal == .failures)
    }

    @Test func theFindingHasTheNumbers() throws {
        var watch = canary()
        let finding = try #require(watch.look([counts(new: (5, 5), old: (45, 0))]).finding)
        #expect(finding.isBreach)
        #expect(finding.signal == .failures)
        #expect(finding.method == method)
        #expect(finding.basis == .callsAtTheSameTime)
        #expect(finding.new == SideCounts(calls: 5, failures: 5))
        #expect(finding.old == SideCounts(calls: 45))
        #expect(finding.probability <= 0.001)
        // A single call can't say that much of a new color.
        watch = canary()
        let weak = try #require(watch.look([counts(new: (1, 1), old: (9, 0))]).finding)
        #expect(!weak.isBreach)
        #expect(weak.probability > 0.001)
    }

    @Test func aBreachStandsUntilTheNextStage() {
        var watch = canary()
        #expect(watch.look([counts(new: (6, 6), old: (54, 0))]).isBreach)
        #expect(watch.look([counts(new: (1_000, 6), old: (9_000, 0))]).isBreach)
        watch.begin(.sameTime(share: 0.5, .byCall))
        #expect(!watch.look([counts(new: (10, 0), old: (10, 0))]).isBreach)
    }

    /// Where both fail alike, or all calls do.
    @Test func whatBothDoIsNoBreach() {
        for failures in [(100, 900), (50, 450), (1, 9), (0, 0)] {
            var watch = canary()
            #expect(!watch.look([counts(new: (100, failures.0), old: (900, failures.1))]).isBreach)
        }
    }

    /// Calls that take long on the new side are not there yet: that the others come alone says nothing of failures.
    @Test func callsThatAreMissingAreNoEvidence() {
        for (new, old) in [(0, 500), (1, 5_000), (500, 0), (500, 5)] {
            var watch = canary()
            #expect(!watch.look([counts(new: (new, 0), old: (old, 0))]).isBreach)
            #expect(!watch.look([counts(new: (new, new / 10), old: (old, old / 10))]).isBreach)
        }
    }

    @Test func eachMethodIsComparedWithItself() {
        var watch = canary()
        // Failures and calls add up to the same share on both sides, but one method fails on the new side only.
        let verdict = watch.look([
            counts(new: (100, 60), old: (900, 0), method: "/a"), counts(new: (100, 0), old: (900, 540), method: "/b"),
        ])
        #expect(verdict.isBreach)
        #expect(verdict.finding?.method == "/a")
    }

    /// Methods come in the order of their calls, so that the busy ones have the larger parts of the budget.
    @Test func theBusiestMethodNeedsLeast() throws {
        func needed(_ calls: Int) throws -> Double {
            var watch = canary()
            let all = [
                counts(new: (5, 5), old: (45, 0), method: "/a"),
                counts(new: (calls, 0), old: (9 * calls, 0), method: "/b"),
            ]
            return try #require(watch.look(all).finding).needed
        }
        #expect(try needed(1) < needed(100))
    }

    // MARK: Restarts

    /// A guard that is saved and loaded at every look says the same as one that isn't, to the last digit.
    @Test(arguments: [Draw.byCall, .byKey]) func nothingIsLostInARestart(_ draw: Draw) throws {
        var kept = ReleaseGuard(plan: GuardPlan())
        kept.begin(.sameTime(share: 0.3, draw))
        var restarted = kept
        var random = SplitMix(seed: 3)
        var counts = MethodCounts(method: method)
        counts.keys = (0..<40).map {
            KeyCounts(key: $0, side: $0 % 3 == 0 ? .new : .old, counts: SideCounts(), past: SideCounts(calls: 50))
        }
        let service = Service(failing: 0.02, latency: .lognormal(median: 0.01, sigma: 1))
        for look in 0..<200 {
            for _ in 0..<20 {
                let index = Int(random.next() % 40)
                var call = SideCounts()
                service.call(&call, &random)
                counts.keys[index].counts += call
                if counts.keys[index].side == .new { counts.new += call } else { counts.old += call }
            }
            let state = try JSONDecoder().decode(
                ReleaseGuard.State.self, from: JSONEncoder().encode(restarted.state))
            restarted = ReleaseGuard(state: state)
            #expect(kept.look([counts]) == restarted.look([counts]), "look \(look)")
        }
        #expect(kept.state == restarted.state)
    }

    // MARK: Limits

    @Test func theErrorShareHasALimitOfItsOwn() {
        var plan = GuardPlan()
        plan.maxErrorShare = 0.02
        // Both sides fail alike: only the limit can be broken.
        var watch = canary(plan)
        #expect(watch.look([counts(new: (400, 40), old: (3_600, 360))]).finding?.signal == .maxErrorShare)
        watch = canary(plan)
        #expect(!watch.look([counts(new: (400, 8), old: (3_600, 72))]).isBreach)
        // Above the limit, but by too few calls to say so.
        watch = canary(plan)
        #expect(!watch.look([counts(new: (20, 1), old: (180, 9))]).isBreach)
    }

    @Test func theNinetyNinthPercentileHasALimit() {
        var plan = GuardPlan()
        plan.maxP99 = 0.1
        func verdict(slow: UInt32) -> Verdict {
            var counts = LatencyCounts()
            counts.add(bucket: LatencyBuckets.standard.bucket(of: 0.01), calls: 1_000 - slow)
            counts.add(bucket: LatencyBuckets.standard.bucket(of: 0.5), calls: slow)
            var watch = canary(plan)
            return watch.look([
                MethodCounts(
                    method: method, new: SideCounts(calls: 1_000, duration: counts),
                    old: SideCounts(calls: 1_000, duration: counts))
            ])
        }
        #expect(verdict(slow: 60).finding?.signal == .maxP99)
        #expect(verdict(slow: 60).isBreach)
        #expect(!verdict(slow: 10).isBreach)
    }

    /// A few calls of a stream that look like unary ones don't stand for the others.
    @Test(arguments: [(40, 960), (60, 60), (1_000, 60)] as [(UInt32, UInt32)]) func theLimitIsForWhatMostCallsHave(
        unary: UInt32, slow: UInt32
    ) {
        var plan = GuardPlan()
        plan.maxP99 = 0.1
        func times(_ calls: UInt32, slow: UInt32) -> LatencyCounts {
            var counts = LatencyCounts()
            counts.add(bucket: LatencyBuckets.standard.bucket(of: 0.01), calls: calls - slow)
            counts.add(bucket: LatencyBuckets.standard.bucket(of: 0.5), calls: slow)
            return counts
        }
        let isUnary = unary == 1_000
        // What isn't looked at is the other way round.
        let side = SideCounts(
            calls: 1_000, firstByte: times(1_000, slow: isUnary ? 0 : slow),
            duration: times(unary, slow: isUnary ? slow : 0)
        )
        var watch = canary(plan)
        let finding = watch.look([MethodCounts(method: method, new: side, old: side)]).finding
        #expect(finding?.signal == .maxP99 && finding?.isBreach == true)
        var other = canary(plan)
        let swapped = SideCounts(calls: 1_000, firstByte: side.duration, duration: side.duration)
        #expect(other.look([MethodCounts(method: method, new: swapped, old: swapped)]).isBreach == isUnary)
    }

    @Test func agreementHasALimit() {
        var plan = GuardPlan()
        plan.minAgreement = 0.995
        func verdict(_ compared: Int, _ disagreeing: Int) -> Verdict {
            var watch = ReleaseGuard(plan: plan)
            watch.begin(.shadow)
            return watch.look([
                MethodCounts(
                    method: method, agreement: AgreementCounts(compared: compared, disagreeing: disagreeing))
            ])
        }
        #expect(verdict(500, 20).finding?.signal == .minAgreement)
        #expect(verdict(500, 20).isBreach)
        #expect(!verdict(10_000, 50).isBreach)
        #expect(!verdict(2, 1).isBreach)
    }
}

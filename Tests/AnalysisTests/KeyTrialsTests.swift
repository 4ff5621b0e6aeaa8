import Analysis
import Testing

@Suite struct KeyTrialsTests {
    private func counts(_ keys: [KeyCounts], isAfterSwitch: Bool = false) -> MethodCounts {
        var counts = MethodCounts(method: "/prediction.Predictor/Predict", keys: keys)
        for key in keys {
            if key.side == .new { counts.new += key.counts } else { counts.old += key.counts }
            if isAfterSwitch { counts.old += key.past }
        }
        return counts
    }

    private func look(
        _ keys: [KeyCounts], _ assignment: Assignment = .sameTime(share: 0.1, .byKey), plan: GuardPlan = GuardPlan()
    ) -> Verdict {
        var watch = ReleaseGuard(plan: plan)
        watch.begin(assignment)
        return watch.look([counts(keys, isAfterSwitch: assignment == .before(.byKey))])
    }

    /// Keys with the same number of calls each, of which some fail all on the new side.
    private func keys(_ count: Int, new: Int, failing: Int, calls: Int = 100, past: Int = 0) -> [KeyCounts] {
        (0..<count).map {
            KeyCounts(
                key: UInt64($0), side: $0 < new ? .new : .old,
                counts: SideCounts(calls: calls, failures: $0 < failing ? calls : 0), past: SideCounts(calls: past))
        }
    }

    // MARK: One key and several

    @Test func severalFailingKeysDecide() {
        let verdict = look(keys(60, new: 6, failing: 6))
        #expect(verdict.isBreach)
        #expect(verdict.finding?.basis == .keysAtTheSameTime)
        #expect(verdict.finding?.newKeys == 6)
        #expect(verdict.finding?.oldKeys == 54)
    }

    /// With one key more than may decide alone, the evidence is what is left without the strongest.
    @Test func theStrongestOfManyKeysIsLeftOut() throws {
        let few = try #require(look(keys(20, new: 3, failing: 3)).finding)
        let many = try #require(look(keys(21, new: 3, failing: 3)).finding)
        #expect(few.basis == .keysAtTheSameTime && many.basis == .keysAtTheSameTime)
        #expect(many.evidence < few.evidence - 1)
    }

    /// However often it calls, however small the share, and whatever its past.
    @Test(arguments: [0.0001, 0.1, 0.5]) func oneKeyAloneNeverDecides(share: Double) {
        for calls in [1, 100, 1_000_000] {
            for past in [0, 1_000_000] {
                let verdict = look(
                    keys(2_000, new: 1, failing: 1, calls: calls, past: past), .sameTime(share: share, .byKey))
                #expect(!verdict.isBreach)
                let after = keys(21, new: 21, failing: 1, calls: calls, past: past)
                #expect(!look(after, .before(.byKey)).isBreach)
            }
        }
    }

    @Test func oneSlowKeyAloneNeverDecides() {
        var (fast, slow) = (LatencyCounts(), LatencyCounts())
        fast.add(bucket: 10, calls: 10_000)
        slow.add(bucket: 40, calls: 10_000)
        let keys = (0..<2_000).map { (index: UInt64) -> KeyCounts in
            KeyCounts(
                key: index, side: index == 0 ? .new : .old,
                counts: SideCounts(calls: 10_000, duration: index == 0 ? slow : fast),
                past: SideCounts(calls: 10_000, duration: fast))
        }
        #expect(!look(keys, .sameTime(share: 0.0001, .byKey)).isBreach)
    }

    @Test func oneKeyAloneMeetsNoLimit() {
        var plan = GuardPlan()
        plan.maxErrorShare = 0.01
        #expect(!look(keys(40, new: 4, failing: 1, calls: 100_000), plan: plan).isBreach)
        // So wide a margin that failures alone say nothing: what is left is nineteen keys of forty beyond the limit.
        plan.errorMargin = 0.45
        let limited = look(keys(400, new: 40, failing: 20), plan: plan).finding
        #expect(limited?.signal == .maxErrorShare)
        #expect(
            limited?.evidence == LimitMixture(limit: 0.01).evidence(broken: 20, kept: 20, leavingOutOne: true))
    }

    /// A key's thousand failures are one key's failure.
    @Test func aKeyCountsOnce() {
        let few = look(keys(60, new: 3, failing: 2, calls: 64)).finding?.evidence
        let many = look(keys(60, new: 3, failing: 2, calls: 64_000)).finding?.evidence
        #expect(few != nil && few == many)
        // Nor once more at each look.
        var watch = ReleaseGuard(plan: GuardPlan())
        watch.begin(.sameTime(share: 0.1, .byKey))
        let verdicts = [64, 65, 100, 200].map { calls in
            watch.look([counts(keys(60, new: 6, failing: 1, calls: calls))])
        }
        #expect(verdicts.allSatisfy { !$0.isBreach })
        #expect(verdicts[0].finding != nil)
        #expect(Set(verdicts.map(\.finding?.evidence)).count == 1)
    }

    /// Clients that fail under either color stay with the color that they were drawn to.
    @Test func keysThatAlwaysFailAreNoEvidence() {
        let keys = (0..<200).map { (index: Int) -> KeyCounts in
            let counts = SideCounts(calls: 100, failures: index % 7 == 0 ? 50 : 0)
            return KeyCounts(key: UInt64(index), side: index % 10 == 0 ? .new : .old, counts: counts)
        }
        #expect(!look(keys).isBreach)
    }

    // MARK: Few keys

    @Test func oneOfFewKeysDecidesAgainstItsPast() {
        let verdict = look(keys(5, new: 1, failing: 1, past: 1_000))
        #expect(verdict.isBreach)
        #expect(verdict.finding?.basis == .ownPast)
        #expect(look(keys(5, new: 5, failing: 1, past: 1_000), .before(.byKey)).isBreach)
        // Without a past, nothing tells a bad color from a bad client.
        #expect(!look(keys(5, new: 1, failing: 1)).isBreach)
    }

    @Test func aKeyThatHasAlwaysFailedDoesNot() {
        var keys = keys(5, new: 1, failing: 1, past: 1_000)
        keys[0].past.failures = 950
        #expect(!look(keys).isBreach)
    }

    /// What strikes everybody is not the new color's fault.
    @Test func aKeyThatFailsWithAllOthersDoesNot() {
        #expect(!look(keys(5, new: 1, failing: 5, past: 1_000)).isBreach)
    }

    /// One that goes bad after more calls than its past has.
    @Test func oneOfFewKeysDecidesLate() {
        var counts = MethodCounts(method: "/a", keys: keys(5, new: 5, failing: 0, calls: 0, past: 1_000))
        counts.old = SideCounts(calls: 5_000)
        var watch = ReleaseGuard(plan: GuardPlan())
        watch.begin(.before(.byKey))
        func call(_ failures: Int) -> Verdict {
            for index in counts.keys.indices {
                counts.keys[index].counts += SideCounts(calls: 10, failures: index == 0 ? failures : 0)
            }
            counts.new += SideCounts(calls: 50, failures: failures)
            return watch.look([counts])
        }
        for _ in 0..<500 { #expect(!call(0).isBreach) }
        var looks = 1
        while looks < 20, !call(10).isBreach { looks += 1 }
        #expect(looks < 5)
    }

    // MARK: Calls without a key

    @Test func callsWithoutAKeyAreComparedByCall() {
        var counts = MethodCounts(method: "/a")
        counts.newWithoutKey = SideCounts(calls: 8, failures: 8)
        counts.oldWithoutKey = SideCounts(calls: 72)
        (counts.new, counts.old) = (counts.newWithoutKey, counts.oldWithoutKey)
        var watch = ReleaseGuard(plan: GuardPlan())
        watch.begin(.sameTime(share: 0.1, .byKey))
        #expect(watch.look([counts]).finding?.basis == .callsAtTheSameTime)
        #expect(watch.look([counts]).isBreach)
    }
}

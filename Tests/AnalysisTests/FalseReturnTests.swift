import Analysis
import Testing

/// Families of releases whose colors are equal: nearly none of them may be sent back.
@Suite(.serialized) struct FalseReturnTests {
    private func expectFew(_ name: String, _ returns: Int, _ comment: Comment? = nil) {
        print("false returns of \(Releases.count): \(returns) (\(name))")
        #expect(returns <= Releases.most, comment ?? "\(name)")
    }

    private func returns(_ release: LotRelease) -> Int {
        release.run(seeds: Releases.seeds).count { $0 != nil }
    }

    private func returns(_ release: KeyRelease) -> Int {
        release.run(seeds: Releases.seeds).count { $0 != nil }
    }

    private static let traffics: [LotRelease.Traffic] = [.canary(0.1), .canary(0.5), .afterSwitch(earlier: 10_000)]

    // MARK: Calls drawn by lot

    @Test(arguments: traffics) func equalShares(_ traffic: LotRelease.Traffic) {
        for failing in [0, 0.001, 0.01, 0.1] {
            let service = Service(failing: failing)
            expectFew(
                "\(traffic), \(failing) failing",
                returns(LotRelease(traffic: traffic, old: service, new: service, calls: 3_000)))
        }
    }

    @Test(arguments: traffics) func heavyTails(_ traffic: LotRelease.Traffic) {
        let service = Service(failing: 0.01, latency: .pareto(least: 0.002, exponent: 1.1))
        expectFew(
            "\(traffic), heavy tails", returns(LotRelease(traffic: traffic, old: service, new: service, calls: 2_000)))
    }

    /// Half of the calls are in some burst, in which any share of them fails and all take four times as long.
    @Test(arguments: [LotRelease.Traffic.canary(0.1), .canary(0.5)]) func burstsThatStrikeBoth(
        _ traffic: LotRelease.Traffic
    ) {
        let service = Service(failing: 0.001, latency: .pareto(least: 0.002, exponent: 1.1))
        expectFew(
            "\(traffic), bursts",
            returns(LotRelease(traffic: traffic, old: service, new: service, burst: 1 / 400, calls: 2_000)))
    }

    /// Worse, but by less than the margins: 0.4 of 0.5 percentage points, and a factor of 1.25.
    @Test(arguments: traffics) func worseByLessThanTheMargins(_ traffic: LotRelease.Traffic) {
        expectFew(
            "\(traffic), worse by less than the margins",
            returns(
                LotRelease(
                    traffic: traffic, old: Service(failing: 0.001, latency: .lognormal(median: 0.02, sigma: 0.5)),
                    new: Service(failing: 0.005, latency: .lognormal(median: 0.025, sigma: 0.5)), calls: 2_000)))
    }

    /// All that can go wrong at once: twenty methods, three stages, shares and latencies, with failures of 1 %.
    @Test func manyMethodsAndStages() {
        var plan = GuardPlan()
        plan.stages = 3
        plan.maxErrorShare = 0.01
        let latency = LatencyShape.pareto(least: 0.002, exponent: 1.1)
        let service = Service(failing: 0.01, latency: latency)
        var returns = 0
        for seed in Releases.seeds {
            var random = SplitMix(seed: seed)
            var watch = ReleaseGuard(plan: plan)
            var hasReturned = false
            for share in [0.05, 0.25, 0.5] where !hasReturned {
                watch.begin(.sameTime(share: share, .byCall))
                var methods = (0..<20).map { MethodCounts(method: "/service/\($0)") }
                for look in 1...30 where !hasReturned {
                    for _ in 0..<(20 * look) {
                        let index = Int(random.next() % 20)
                        if random.chance(share) {
                            service.call(&methods[index].new, &random)
                        } else {
                            service.call(&methods[index].old, &random)
                        }
                    }
                    hasReturned = watch.look(methods).isBreach
                }
            }
            if hasReturned { returns += 1 }
        }
        expectFew("many methods and stages", returns)
    }

    // MARK: Clients that differ

    @Test(arguments: [KeyRelease.Traffic.canary(0.1), .canary(0.5), .afterSwitch])
    func clientsThatDiffer(_ traffic: KeyRelease.Traffic) {
        expectFew("\(traffic), clients that differ", returns(KeyRelease(traffic: traffic)))
        expectFew(
            "\(traffic), clients that differ in latency, too", returns(KeyRelease(traffic: traffic, hasLatencies: true))
        )
    }

    @Test func clientsThatDifferInBursts() {
        expectFew(
            "clients that differ, bursts",
            returns(KeyRelease(traffic: .canary(0.1), hasLatencies: true, burst: 1 / 800)))
    }

    /// A longer trial fails more often by as many margins as it has calls, and that is no fault yet.
    @Test(arguments: [KeyRelease.Traffic.canary(0.5), .afterSwitch])
    func worseByLessThanTheMarginByKey(_ traffic: KeyRelease.Traffic) {
        expectFew(
            "\(traffic), by key, worse by less than the margin",
            returns(KeyRelease(traffic: traffic, troubled: 0, base: 0, fault: 0.0045, calls: 20_000)))
    }

    /// So few that drawing them decides nothing.
    @Test(arguments: [KeyRelease.Traffic.canary(0.2), .afterSwitch]) func fewClients(_ traffic: KeyRelease.Traffic) {
        expectFew(
            "\(traffic), few clients",
            returns(KeyRelease(traffic: traffic, clients: 8, troubled: 0.2, hasLatencies: true, calls: 2_000)))
    }

    /// The simulation would show a test that takes calls of one client for independent.
    @Test func comparingByCallWouldBeWrong() {
        let returns = KeyRelease(traffic: .canary(0.1), isComparedByCall: true).run(seeds: 0..<300).count { $0 != nil }
        print("false returns of 300 by call, clients that differ: \(returns)")
        #expect(returns > 15)
    }
}

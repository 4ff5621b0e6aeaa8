import Analysis

/// A release whose calls are drawn by lot, or that has switched and is compared with the calls before.
struct LotRelease: Sendable {
    enum Traffic: Sendable, Equatable {
        case canary(Double)
        case afterSwitch(earlier: Int)
    }

    let traffic: Traffic
    var old: Service
    var new: Service
    /// Stretches in which both colors fail and are slow: how likely a call is to begin one.
    var burst = 0.0
    /// Calls of the new color until the release is taken to be good.
    var calls: Int
    /// Good calls of the new color before it turns into `new`.
    var turning = 0
    var plan = GuardPlan()

    private static let burstLength = 400

    /// - Returns: the breach with the number of the new color's calls until then; nil if there was none.
    func run(seed: UInt64) -> (finding: Finding, calls: Int)? { run(seed: seed, prepared) }

    func run(seeds: Range<UInt64>) -> [(finding: Finding, calls: Int)?] {
        let prepared = prepared
        return seeds.map { run(seed: $0, prepared) }
    }

    /// A guard that has begun: its tables take longer to make than a short release.
    private var prepared: ReleaseGuard {
        var watch = ReleaseGuard(plan: plan)
        switch traffic {
        case .canary(let share): watch.begin(.sameTime(share: share, .byCall))
        case .afterSwitch: watch.begin(.before(.byCall))
        }
        return watch
    }

    private func run(seed: UInt64, _ prepared: ReleaseGuard) -> (finding: Finding, calls: Int)? {
        var random = SplitMix(seed: seed)
        var watch = prepared
        var counts = MethodCounts(method: "/prediction.Predictor/Predict")
        var looks = Looks(part: 50)
        if case .afterSwitch(let earlier) = traffic {
            for _ in 0..<earlier { old.call(&counts.old, &random) }
        }
        var (left, failing) = (0, 0.0)
        while counts.new.calls < calls {
            if left > 0 {
                left -= 1
            } else if burst > 0, random.chance(burst) {
                left = Int(random.next() % UInt64(2 * Self.burstLength))
                failing = random.unit()
            }
            let isNew: Bool
            if case .canary(let share) = traffic { isNew = random.chance(share) } else { isNew = true }
            let service = isNew && counts.new.calls >= turning ? new : old
            let struck: Double? = left > 0 ? failing : nil
            let slower = left > 0 ? 6 : 0
            guard isNew else {
                service.call(&counts.old, &random, failing: struck, slower: slower)
                continue
            }
            service.call(&counts.new, &random, failing: struck, slower: slower)
            if counts.new.calls == turning { looks = Looks(part: 50) }
            guard looks.isDue(counts.new.calls - (counts.new.calls < turning ? 0 : turning)) else { continue }
            if case .breach(let finding) = watch.look([counts]) { return (finding, counts.new.calls) }
        }
        return nil
    }
}

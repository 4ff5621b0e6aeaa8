import Analysis
import Testing

/// A guard is looked at a few times a second, on the control plane's thread.
@Suite(.serialized) struct CostTests {
    private func time(_ name: String, _ assignment: Assignment, methods: Int, keys: Int) -> Duration {
        var random = SplitMix(seed: 1)
        let service = Service(failing: 0.01, latency: .lognormal(median: 0.01, sigma: 0.7))
        var watch = ReleaseGuard(plan: GuardPlan())
        watch.begin(assignment)
        var counts = (0..<methods).map { method in
            var counts = MethodCounts(method: "/service/\(method)")
            counts.keys = (0..<keys).map {
                KeyCounts(key: UInt64($0), side: $0 % 4 == 0 ? .new : .old, counts: SideCounts())
            }
            return counts
        }
        var shortest = Duration.seconds(60)
        for look in 0..<20 {
            for index in counts.indices {
                for call in 0..<400 {
                    service.call(&counts[index].new, &random)
                    service.call(&counts[index].old, &random)
                    if keys > 0 { service.call(&counts[index].keys[call * 7 % keys].counts, &random) }
                }
            }
            let duration = ContinuousClock().measure { _ = watch.look(counts) }
            // When all windows have begun. The shortest, because other tests run beside it.
            if look >= 10 { shortest = min(shortest, duration) }
        }
        print("a look at \(name): \(shortest)")
        return shortest
    }

    @Test func hundredsOfMethods() {
        #expect(time("300 methods", .sameTime(share: 0.5, .byCall), methods: 300, keys: 0) < .milliseconds(250))
    }

    @Test func thousandsOfKeys() {
        #expect(time("8,192 keys", .sameTime(share: 0.25, .byKey), methods: 1, keys: 8_192) < .milliseconds(100))
    }
}

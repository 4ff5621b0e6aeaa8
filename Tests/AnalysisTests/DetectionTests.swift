import Analysis
import Testing

/// How many calls the new color gets until it is found to be worse.
@Suite(.serialized) struct DetectionTests {
    private func calls(_ release: LotRelease, runs: Int) -> [Int] {
        release.run(seeds: 0..<UInt64(runs)).map { $0?.calls ?? .max }
    }

    private func median(_ release: LotRelease, runs: Int = 501) -> Int {
        calls(release, runs: runs).sorted()[runs / 2]
    }

    private static let traffics: [(String, LotRelease.Traffic, goals: [Int])] = [
        ("canary of 10 %", .canary(0.1), [6, 12, 70, 600]),
        ("after a switch", .afterSwitch(earlier: 10_000), [6, 12, 70, 600]),
        ("equal traffic", .canary(0.5), [10, 30, 170, 900]),
    ]

    @Test func failures() {
        for base in [0.001, 0.01] {
            for (name, traffic, goals) in Self.traffics {
                var line = "base \(base), \(name):"
                for (failing, goal) in zip([1, 0.5, 0.1, 0.03], goals) {
                    let median = median(
                        LotRelease(
                            traffic: traffic, old: Service(failing: base), new: Service(failing: failing), calls: 10_000
                        ))
                    line += " \(failing): \(median)"
                    if base == 0.001 { #expect(median <= goal, "\(name), \(failing) failing") }
                }
                print(line)
            }
        }
    }

    /// The goals are for a canary of 10 % and a switch. With equal traffic the new side's calls have no more than as
    /// many others to be compared with, and the same evidence takes half as many calls again: what was measured, with
    /// some room, is what it is held to.
    @Test func latencies() {
        for factor in [2, 1.5] {
            for (name, traffic, _) in Self.traffics {
                var line = "latency x \(factor), \(name):"
                let goals = name == "equal traffic" ? [80, 280] : [60, 220]
                for (sigma, goal) in zip([0.5, 1.0], goals) {
                    // Half a bucket apart, so that no number is owed to where the buckets' bounds happen to be.
                    let found = [0.02, 0.0224].flatMap { median in
                        calls(
                            LotRelease(
                                traffic: traffic,
                                old: Service(failing: 0.001, latency: .lognormal(median: median, sigma: sigma)),
                                new: Service(
                                    failing: 0.001, latency: .lognormal(median: median * factor, sigma: sigma)),
                                calls: 5_000), runs: factor == 2 ? 151 : 51)
                    }
                    let median = found.sorted()[found.count / 2]
                    line += " sigma \(sigma): \(median)"
                    if factor == 2 { #expect(median <= goal, "\(name), sigma \(sigma)") }
                }
                print(line)
            }
        }
    }

    /// A color that goes bad late is found nearly as soon: its good calls don't count for ever.
    @Test func failuresAfterManyGoodCalls() {
        var line = "after 20,000 good calls:"
        for (failing, goal) in [(1.0, 20), (0.5, 50), (0.1, 400)] {
            let release = LotRelease(
                traffic: .canary(0.5), old: Service(failing: 0.001), new: Service(failing: failing), calls: 25_000,
                turning: 20_000)
            let median = median(release, runs: 51) - 20_000
            line += " \(failing): \(median)"
            #expect(median <= goal, "\(failing) failing")
        }
        print(line)
    }

    // MARK: By key

    /// How often a fault of clients' calls is found within the release, and by then how many calls the new color has
    /// had.
    private func found(_ release: KeyRelease, runs: Int = 201) -> (share: Double, median: Int) {
        let outcomes = release.run(seeds: 0..<UInt64(runs))
        let calls = outcomes.map { $0?.calls ?? .max }.sorted()
        return (Double(outcomes.count { $0 != nil }) / Double(runs), calls[runs / 2])
    }

    @Test func failuresByKey() {
        for (name, traffic) in [
            ("200 clients, canary of 10 %", KeyRelease.Traffic.canary(0.1)), ("200 clients, half", .canary(0.5)),
            ("200 clients, after a switch", .afterSwitch),
        ] {
            var line = "\(name):"
            for fault in [1, 0.5, 0.1, 0.03] {
                let (share, median) = found(KeyRelease(traffic: traffic, fault: fault, calls: 20_000))
                line += " \(fault): \(share) found, \(median)"
                #expect(share > 0.99 || fault < 0.5)
            }
            print(line)
        }
        for (name, traffic) in [
            ("8 clients, canary of 20 %", KeyRelease.Traffic.canary(0.2)), ("8 clients, after a switch", .afterSwitch),
        ] {
            var line = "\(name):"
            for fault in [1, 0.5, 0.1, 0.03] {
                let (share, median) = found(KeyRelease(traffic: traffic, clients: 8, fault: fault, calls: 5_000))
                line += " \(fault): \(share) found, \(median)"
            }
            print(line)
        }
    }
}

import Glibc
import Synchronization
import Testing

/// A worker among simulated clients and backends, driven by a seed. `SLUICE_SIMULATION_SEEDS` sets how many seeds are
/// played, from `SLUICE_SIMULATION_FIRST` on; `SLUICE_SIMULATION_SEED` plays a single one and prints its steps.
@Suite struct SimulationTests {
    private static let seeds = number(in: "SLUICE_SIMULATION_SEEDS") ?? 1_000
    private static let first = number(in: "SLUICE_SIMULATION_FIRST") ?? 0
    private static let shareCount = 4
    /// Whether each seed is written to standard error before it is played, which names the one that a crash happened
    /// in.
    private static let traces = number(in: "SLUICE_SIMULATION_TRACE") == 1
    private static let hasFailed = Atomic(false)

    /// Writes unbuffered, because the process may crash during the seed.
    private static func trace(_ line: String) {
        _ = unsafe Array(line.utf8).withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func number(in variable: String) -> Int? {
        unsafe getenv(variable).flatMap { unsafe Int(String(cString: $0)) }
    }

    @Test("No sequence of events breaks a rule", arguments: 0..<shareCount)
    func seeds(share: Int) throws {
        if let seed = Self.number(in: "SLUICE_SIMULATION_SEED") {
            guard share == 0 else { return }
            let outcome = try Simulation.play(UInt64(seed), keepsLines: true)
            for line in outcome.lines { print(line) }
            #expect(outcome.violations == [], "seed \(seed)")
            return
        }
        for seed in stride(from: Self.first + share, to: Self.first + Self.seeds, by: Self.shareCount) {
            if Self.hasFailed.load(ordering: .relaxed) { return }
            if Self.traces { Self.trace("seed \(seed)\n") }
            let outcome = try Simulation.play(UInt64(seed))
            if outcome.violations.isEmpty { continue }
            // One failing seed is enough.
            Self.hasFailed.store(true, ordering: .relaxed)
            let violations = outcome.violations.joined(separator: "; ")
            Issue.record("seed \(seed) (repeat it with SLUICE_SIMULATION_SEED=\(seed)): \(violations)")
        }
    }

    @Test("A seed plays the same way every time", arguments: [1, 2, 3, 4, 5, 6, 7, 8, 9] as [UInt64])
    func repeats(seed: UInt64) throws {
        let first = try Simulation.play(seed)
        #expect(try Simulation.play(seed).sum == first.sum)
    }
}

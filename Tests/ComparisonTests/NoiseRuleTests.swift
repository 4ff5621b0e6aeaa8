import Comparison
import TestSupport
import Testing

@Suite("Noise rule") struct NoiseRuleTests {
    private static let rule = NoiseRule()

    /// A path of one number; `share` is by how much of itself it differs, `nil` for text.
    static func difference(_ share: Double?, path: String = "a") -> Difference {
        let write: (Double) -> [UInt8] = { value in WireWriter.message { $0.double(1, value) } }
        let text: (String) -> [UInt8] = { value in WireWriter.message { $0.text(9, value) } }
        let comparer = Comparer.make { $0.tolerance = Tolerance(absolute: 0, relative: 0) }
        return share.map { comparer.compare(write(1), write(1 - $0)).only! } ?? comparer.compare(text("a"), text("b"))
            .only!
    }

    private static let small = difference(1e-3)
    private static let large = difference(0.5)
    private static let text = difference(nil)

    /// A path that differs in a share of the calls between the colors, and in another one between answers of the active color.
    private struct Simulation {
        var (colors, repeats) = (PathTally(), PathTally())
        var (compared, repeated) = (0, 0)
        var random: SplitMix

        init(seed: UInt64) { random = SplitMix(seed: seed) }

        /// Plays a call, a tenth of which are repeated.
        mutating func play(_ share: Double, _ own: Double, _ difference: Difference, _ noise: Difference) {
            compared += 1
            if Double.random(in: 0..<1, using: &random) < share { colors.add(difference) }
            guard Int.random(in: 0..<10, using: &random) == 0 else { return }
            repeated += 1
            if Double.random(in: 0..<1, using: &random) < own { repeats.add(noise) }
        }

        var isNoise: Bool { rule.isNoise(colors: colors, of: compared, repeats: repeats, of: repeated) }
    }

    @Test("A path that never differs by itself is never noise, however seldom it differs")
    func clean() {
        var tally = PathTally()
        tally.add(Self.text)
        #expect(!Self.rule.isNoise(colors: tally, of: 1_000_000, repeats: PathTally(), of: 1_000_000))
        #expect(!Self.rule.isNoise(colors: tally, of: 1_000_000, repeats: tally, of: 1_000_000), "once is no proof")
    }

    @Test("A path that differs always is noise after two repeated calls")
    func always() {
        var tally = PathTally()
        tally.add(Self.text)
        tally.add(Self.text)
        #expect(Self.rule.isNoise(colors: tally, of: 2, repeats: tally, of: 2))
    }

    /// 3000 paths with a look after each call that is repeated: at an error of 0.001 three are expected at most, and ten come by
    /// luck once in a thousand times.
    @Test("What differs by nature alone is not taken for a difference", arguments: [0.02, 0.2, 0.7, 1])
    func noise(share: Double) {
        var (wrong, found) = (0, 0)
        for seed in 0..<3000 as Range<UInt64> {
            var simulation = Simulation(seed: seed)
            var wasWrong = false
            for _ in 0..<2000 {
                let before = simulation.repeated
                simulation.play(share, share, Self.small, Self.small)
                guard simulation.repeated > before, simulation.repeats.calls >= NoiseRule.least else { continue }
                if simulation.repeated < 20 || simulation.repeated.isMultiple(of: 8), !simulation.isNoise {
                    wasWrong = true
                }
            }
            wrong += wasWrong ? 1 : 0
            found += simulation.isNoise ? 1 : 0
        }
        #expect(wrong <= 10)
        #expect(found >= (share > 0.05 ? 2980 : 2500), "\(found)")
    }

    /// The median of the calls until a path that is more than noise is known to be.
    @Test(
        "What differs more often than by nature is found",
        arguments: [(1, 0.5, 250), (0.5, 0.1, 600), (1, 0.1, 200), (0.2, 0.1, 7000)] as [(Double, Double, Int)])
    func worse(share: Double, own: Double, most: Int) {
        var needed: [Int] = []
        for seed in 0..<201 as Range<UInt64> {
            var simulation = Simulation(seed: seed)
            while simulation.compared < 20_000 {
                simulation.play(share, own, Self.text, Self.text)
                let isTime = simulation.compared.isMultiple(of: max(1, simulation.compared / 32))
                if isTime, simulation.repeats.calls >= NoiseRule.least, !simulation.isNoise { break }
            }
            needed.append(simulation.compared)
        }
        let median = needed.sorted()[100]
        print("noise of \(own), \(share) between the colors: \(median) calls")
        #expect(median <= most, "\(median)")
    }

    @Test("What differs as often as by nature, but by more, is found")
    func larger() {
        var simulation = Simulation(seed: 1)
        for _ in 0..<2000 { simulation.play(1, 1, Self.small, Self.small) }
        #expect(simulation.isNoise)
        var worse = Simulation(seed: 1)
        for _ in 0..<2000 { worse.play(1, 1, Self.large, Self.small) }
        #expect(!worse.isNoise)
        var other = Simulation(seed: 1)
        for _ in 0..<2000 { other.play(1, 1, Self.text, Self.small) }
        #expect(!other.isNoise, "what isn't a number differs by more than any")
        var better = Simulation(seed: 1)
        for _ in 0..<2000 { better.play(1, 1, Self.small, Self.large) }
        #expect(better.isNoise)
    }
}

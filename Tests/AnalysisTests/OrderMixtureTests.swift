import Analysis
import Glibc
import Testing

@Suite struct OrderMixtureTests {
    private let buckets = LatencyBuckets(lowest: 1e-3, stepsPerQuarter: 1, count: 24)

    private func evidence(_ mixture: OrderMixture, _ units: [(Side, Int)], leavingOutOne: Bool = false) -> Double {
        var tally = OrderTally()
        for (side, bucket) in units {
            var counts = LatencyCounts()
            counts.add(bucket: bucket)
            tally.add(side, counts)
        }
        return OrderMixture.evidence(
            of: [OrderMixture.Part(mixture: mixture, tally: tally)], leavingOutOne: leavingOutOne)
    }

    /// Over all results of two calls, whose latencies have distributions of their own, the e-value's mean is at most 1
    /// where the new side is slower by the margin at most.
    @Test(arguments: [0.05, 0.5, 0.9], [0, 1, 3]) func theMeanIsAtMostOne(share: Double, margin: Int) {
        let mixture = OrderMixture(share: share, marginSteps: margin, buckets: buckets)
        for (first, second) in [(5, 5), (0, 0), (3, 17), (20, 23)] {
            for steps in 0...margin {
                var mean = 0.0
                for outcome in 0..<4 {
                    let units = [first, second].enumerated().map { unit, bucket in
                        outcome >> unit & 1 == 1
                            ? (Side.new, min(buckets.count - 1, bucket + steps)) : (Side.old, bucket)
                    }
                    let probability = units.reduce(1) { $0 * ($1.0 == .new ? share : 1 - share) }
                    mean += probability * exp(evidence(mixture, units))
                }
                #expect(mean <= 1 + 1e-9, "buckets \(first) and \(second), slower by \(steps)")
            }
        }
    }

    /// A faster call of the new side never gives more evidence: without that, no distribution could stand for all that
    /// are faster.
    @Test func slowerCallsGiveMore() {
        let mixture = OrderMixture(share: 0.3, marginSteps: 1, buckets: buckets)
        // Calls at both ends keep the same guesses in the average.
        let ends = [(Side.old, 0), (.old, 23)]
        let row = (0..<24).map { evidence(mixture, ends + [(.new, $0)]) }
        for (faster, slower) in zip(row, row.dropFirst()) { #expect(faster <= slower + 1e-12) }
    }

    @Test func aShiftBeyondTheMarginIsFound() {
        let mixture = OrderMixture(share: 0.5, marginSteps: 1, buckets: buckets)
        func units(_ shift: Int) -> [(Side, Int)] {
            (0..<150).flatMap { call in [(Side.old, 8 + call % 5), (.new, 8 + shift + call % 5)] }
        }
        #expect(evidence(mixture, units(3)) > log(1000))
        #expect(evidence(mixture, units(1)) < 0)
        #expect(evidence(mixture, units(0)) < 0)
    }

    @Test func aGrownTailIsFound() {
        let mixture = OrderMixture(share: 0.5, marginSteps: 1, buckets: buckets)
        let units = (0..<600).flatMap { call in
            [(Side.old, call % 100 == 0 ? 20 : 6), (.new, call % 12 == 0 ? 20 : 6)]
        }
        #expect(evidence(mixture, units) > log(1000))
    }

    @Test func noCallsSayNothing() {
        let mixture = OrderMixture(share: 0.5, marginSteps: 1, buckets: buckets)
        #expect(evidence(mixture, []) == 0)
    }
}

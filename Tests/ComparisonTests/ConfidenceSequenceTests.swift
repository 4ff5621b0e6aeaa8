import Comparison
import TestSupport
import Testing

@Suite("Confidence sequence") struct ConfidenceSequenceTests {
    @Test("The bounds enclose the share of hits, and draw together")
    func bounds() {
        let sequence = ConfidenceSequence(error: 0.05)
        var width = 1.0
        for trials in [1, 10, 100, 1000, 10_000, 1_000_000] {
            let (low, high) = (sequence.lower(trials * 3 / 10, of: trials), sequence.upper(trials * 3 / 10, of: trials))
            #expect(low >= 0 && high <= 1 && low <= Double(trials * 3 / 10) / Double(trials))
            #expect(high >= Double(trials * 3 / 10) / Double(trials) && high - low <= width)
            width = high - low
        }
        #expect(width < 0.01)
        #expect(sequence.lower(0, of: 0) == 0 && sequence.upper(0, of: 0) == 1)
        #expect(sequence.lower(0, of: 50) == 0 && sequence.upper(50, of: 50) == 1)
        #expect(sequence.upper(3, of: 10) == 1 - sequence.lower(7, of: 10))
    }

    /// Computed with Python's math.lgamma.
    @Test("Known values")
    func known() {
        let near = ConfidenceSequence.nearOne(error: 0.05)
        #expect(abs(near.lower(100, of: 100) - 0.9618) < 1e-4)
        #expect(abs(near.lower(1000, of: 1000) - 0.9950) < 1e-4)
        #expect(abs(near.lower(990, of: 1000) - 0.9769) < 1e-4)
        #expect(abs(near.upper(10, of: 1000) - 0.1107) < 1e-4)
        #expect(abs(ConfidenceSequence(error: 0.05).lower(500, of: 1000) - 0.4424) < 1e-4)
    }

    /// Played 1000 times for 3000 calls with a look after every call: at an error of 0.05 up to 50 may be wrong, and 75 are so by
    /// luck once in 5000 times. An interval for one look is wrong in hundreds.
    @Test("They are right each time that one looks", arguments: [0.01, 0.3, 0.995], [true, false])
    func looks(share: Double, isNearOne: Bool) {
        let sequence = isNearOne ? ConfidenceSequence.nearOne(error: 0.05) : ConfidenceSequence(error: 0.05)
        var (low, high) = (0, 0)
        for seed in 0..<1000 as Range<UInt64> {
            var random = SplitMix(seed: seed)
            var (hits, isLow, isHigh) = (0, false, false)
            for trials in 1...3000 {
                if Double.random(in: 0..<1, using: &random) < share { hits += 1 }
                // Beyond ten looks for each doubling of the number hardly anything is new.
                guard trials < 20 || trials.isMultiple(of: max(1, trials / 16)) else { continue }
                if sequence.lower(hits, of: trials) > share { isLow = true }
                if sequence.upper(hits, of: trials) < share { isHigh = true }
            }
            low += isLow ? 1 : 0
            high += isHigh ? 1 : 0
        }
        #expect(low + high <= 75, "\(low) and \(high)")
    }

    @Test("Near one the bound is soon of use")
    func nearOne() {
        let near = ConfidenceSequence.nearOne(error: 0.05)
        #expect(near.lower(1000, of: 1000) >= 0.995)
        #expect(ConfidenceSequence(error: 0.05).lower(1400, of: 1400) < 0.995)
    }
}

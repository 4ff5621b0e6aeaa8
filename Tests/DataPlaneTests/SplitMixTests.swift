import Testing
import TestSupport

@Suite struct SplitMixTests {
    private func first(_ count: Int, of seed: UInt64) -> [UInt64] {
        var random = SplitMix(seed: seed)
        return (0..<count).map { _ in random.next() }
    }

    /// The published sequence of SplitMix64 from 0. Under another one the seeds that once found something would find it
    /// no more.
    @Test func aSeedDecidesTheSequence() {
        #expect(first(2, of: 0) == [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4])
        #expect(first(5, of: 7) == first(5, of: 7))
        #expect(first(5, of: 7) != first(5, of: 8))
    }
}

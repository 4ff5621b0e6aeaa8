import DataPlane
import Testing

@Suite struct RandomSourceTests {
    private func first(_ count: Int, of source: RandomSource) -> [UInt64] {
        var source = source
        return (0..<count).map { _ in source.next() }
    }

    /// The published sequence of SplitMix64 from 0.
    @Test func aSeedDecidesTheSequence() {
        #expect(first(2, of: .seeded(0)) == [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4])
        #expect(first(5, of: .seeded(7)) == first(5, of: .seeded(7)))
        #expect(first(5, of: .seeded(7)) != first(5, of: .seeded(8)))
    }

    @Test func theSystemsSequenceNeverRepeats() {
        #expect(first(4, of: .system) != first(4, of: .system))
    }
}

import DataPlane
import Testing

@Suite struct PlacementTests {
    private func choose(_ candidates: [Placement.Candidate], startingAt start: Int = 0) -> Int? {
        Placement.choose(count: candidates.count, startingAt: start) { candidates[$0] }
    }

    private func candidate(_ load: Int, healthy: Bool = true, tried: Bool = false) -> Placement.Candidate {
        Placement.Candidate(isHealthy: healthy, wasTried: tried, load: load)
    }

    @Test func prefersTheLeastLoaded() {
        #expect(choose([candidate(3), candidate(1), candidate(2)]) == 1)
    }

    @Test func prefersAHealthyOneWhateverItsLoad() {
        #expect(choose([candidate(0, healthy: false), candidate(99)]) == 1)
    }

    @Test func takesAnUnhealthyOneRatherThanNone() {
        #expect(choose([candidate(4, healthy: false), candidate(3, healthy: false)]) == 1)
        #expect(choose([candidate(0, healthy: false)]) == 0)
    }

    @Test func takesTurnsAmongEquals() {
        let equals = [candidate(1), candidate(1), candidate(1)]
        #expect((0..<3).map { choose(equals, startingAt: $0) } == [0, 1, 2])
    }

    @Test func neverTriesTwice() {
        #expect(choose([candidate(0, tried: true), candidate(9)]) == 1)
        #expect(choose([candidate(0, tried: true), candidate(0, tried: true)]) == nil)
        #expect(choose([candidate(0, tried: true)]) == nil)
    }
}

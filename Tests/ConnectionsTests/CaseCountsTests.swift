import Connections
import Testing

@Suite struct CaseCountsTests {
    private enum Kind: CountedKind { case first, second, third }

    @Test func countsEachCaseByItself() {
        var counts = CaseCounts<Kind>()
        #expect(counts.total == 0 && Kind.allCases.allSatisfy { counts[$0] == 0 })
        counts[.second] += 2
        counts[.third] += 1
        #expect(counts[.first] == 0 && counts[.second] == 2 && counts[.third] == 1 && counts.total == 3)
    }

    @Test func addsCaseByCase() {
        var sum = CaseCounts<Kind>()
        (sum[.first], sum[.third]) = (1, 10)
        var other = CaseCounts<Kind>()
        (other[.second], other[.third]) = (5, 20)
        sum += other
        #expect(Kind.allCases.map { sum[$0] } == [1, 5, 30])
        #expect(Kind.allCases.map { other[$0] } == [0, 5, 20])
    }
}

import Handover
import Testing

@Suite struct TakeoverDecisionTests {
    private let old: TakeoverDecision
    private let new: TakeoverDecision

    init() throws {
        old = try TakeoverDecision()
        new = try TakeoverDecision(sharing: old.descriptor)
    }

    @Test func takenOver() {
        #expect(new.takeOver())
        #expect(!old.breakOff())
        #expect(new.takeOver(), "it stays so")
    }

    @Test func brokenOff() {
        #expect(old.breakOff())
        #expect(!new.takeOver())
        #expect(old.breakOff(), "it stays so")
    }

    /// Both at the same time, many times: always exactly one has its way.
    @Test func isOneOfTheTwo() async throws {
        var decided = 0
        for _ in 0..<2_000 {
            let old = try TakeoverDecision()
            let new = try TakeoverDecision(sharing: old.descriptor)
            async let isTakenOver = new.takeOver()
            async let isBrokenOff = old.breakOff()
            let outcomes = await (isTakenOver, isBrokenOff)
            if outcomes.0 != outcomes.1 { decided += 1 }
        }
        #expect(decided == 2_000)
    }
}

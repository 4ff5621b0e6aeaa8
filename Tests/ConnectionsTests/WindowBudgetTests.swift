import Connections
import Testing

@Suite struct WindowBudgetTests {
    @Test func noStreamHoldsMoreThanIsLeft() {
        var budget = WindowBudget(total: 1_000)
        var held = [0, 0, 0]
        for _ in 0..<20 {
            for holder in held.indices { held[holder] += budget.take(upTo: 50, holding: held[holder]) }
        }
        let left = budget.total - budget.granted
        #expect(held.allSatisfy { $0 <= left + 1 })
        #expect(budget.granted == held.reduce(0, +))
        // The next one gets a share as well.
        #expect(budget.take(upTo: 50, holding: 0) == 50)
    }

    @Test func returnedBytesAreThereForOthers() {
        var budget = WindowBudget(total: 1_000)
        #expect(budget.take(upTo: 10_000, holding: 0) == 500)
        #expect(budget.take(upTo: 10_000, holding: 500) == 0)
        budget.giveBack(500)
        #expect(budget.granted == 0)
        #expect(budget.take(upTo: 10, holding: 0) == 10)
    }

    @Test func aLowerTotalTakesNothingBack() {
        var budget = WindowBudget(total: 1_000)
        #expect(budget.take(upTo: 400, holding: 0) == 400)
        budget.total = 100
        #expect(budget.take(upTo: 10, holding: 0) == 0)
        #expect(budget.granted == 400)
    }
}

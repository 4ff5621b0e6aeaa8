import TLS
import Testing

@Suite struct MessageBudgetTests {
    @Test func isExceededByOneMoreThanItsCapacity() {
        var budget = MessageBudget()
        budget.spend(MessageBudget.capacity)
        #expect(budget.left == 0 && !budget.isExceeded)
        budget.spend(1)
        #expect(budget.left == 0 && budget.isExceeded)
    }

    @Test func dataEarnsMessagesBackUpToTheCapacity() {
        var budget = MessageBudget()
        budget.spend(2)
        budget.earn(bytes: MessageBudget.bytesForOne - 1)
        #expect(budget.left == MessageBudget.capacity - 2)
        // Bytes short of a whole message count towards the next one.
        budget.earn(bytes: 1)
        #expect(budget.left == MessageBudget.capacity - 1)
        budget.earn(bytes: 100 * MessageBudget.bytesForOne)
        #expect(budget.left == MessageBudget.capacity)
    }

    @Test func anExceededBudgetStaysExceeded() {
        var budget = MessageBudget()
        budget.spend(MessageBudget.capacity + 1)
        budget.earn(bytes: 1 << 20)
        #expect(budget.isExceeded)
    }
}

import DataPlane
import EventLoop
import Testing

@Suite struct FrameBudgetTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func endsAFlood() {
        var budget = FrameBudget(capacity: 10, now: start)
        let answers = (0..<12).map { _ in budget.received(now: start) }
        #expect(answers == [Bool](repeating: true, count: 10) + [false, false])
    }

    @Test func allowsFramesInProportionToData() {
        var budget = FrameBudget(capacity: 10, now: start)
        for _ in 0..<1_000 {
            budget.moved()
            for _ in 0..<4 { expect(budget.received(now: start)) }
        }
    }

    @Test func savesUpNoMoreThanItsCapacity() {
        var budget = FrameBudget(capacity: 10, now: start)
        for _ in 0..<1_000 { budget.moved() }
        #expect((0..<11).filter { _ in budget.received(now: start) }.count == 10)
    }

    @Test func toleratesAFewInASecond() {
        var budget = FrameBudget(capacity: 10, now: start)
        for _ in 0..<10 { expect(budget.received(now: start)) }
        expect(!budget.received(now: start + .milliseconds(50)))
        expect(budget.received(now: start + .milliseconds(150)))
        expect(!budget.received(now: start + .milliseconds(150)))
    }
}

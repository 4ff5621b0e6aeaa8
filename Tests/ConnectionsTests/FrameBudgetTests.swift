import Connections
import EventLoop
import TestSupport
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

    /// 4 KiB of a header list beyond the limit, or a sixteenth as many fields, cost a token.
    @Test func charges() {
        var budget = FrameBudget(capacity: 10, now: start)
        for _ in 0..<40 { expect(budget.skipped(bytes: 1_024, fields: 0, now: start)) }
        expect(!budget.received(now: start))
        for _ in 0..<3 { expect(budget.skipped(bytes: 1_024, fields: 0, now: start)) }
        expect(!budget.skipped(bytes: 1_024, fields: 0, now: start))

        var fields = FrameBudget(capacity: 10, now: start)
        expect(fields.skipped(bytes: 0, fields: 2_560, now: start))
        expect(fields.skipped(bytes: 0, fields: 255, now: start))
        expect(!fields.skipped(bytes: 0, fields: 1, now: start))
        expect(fields.skipped(bytes: 0, fields: 256, now: start + .milliseconds(150)))
        fields.moved()
        expect(fields.skipped(bytes: 4 * 4_096, fields: 0, now: start + .milliseconds(150)))
        expect(!fields.received(now: start + .milliseconds(150)))
    }

    @Test func noListCostsMoreThanThereIs() {
        var budget = FrameBudget(capacity: 10, now: start)
        expect(!budget.skipped(bytes: 1 << 40, fields: 0, now: start + .seconds(1_000)))
    }

    @Test func toleratesAFewInASecond() {
        var budget = FrameBudget(capacity: 10, now: start)
        for _ in 0..<10 { expect(budget.received(now: start)) }
        expect(!budget.received(now: start + .milliseconds(50)))
        expect(budget.received(now: start + .milliseconds(150)))
        expect(!budget.received(now: start + .milliseconds(150)))
    }
}

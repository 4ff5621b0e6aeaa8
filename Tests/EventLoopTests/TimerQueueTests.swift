import EventLoop
import Testing

@Suite struct TimerQueueTests {
    private func time(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

    @Test func firesInTheOrderOfDeadlines() {
        var queue = TimerQueue()
        var fired: [UInt64] = []
        var random = SystemRandomNumberGenerator()
        let deadlines = (0..<500).map { _ in UInt64.random(in: 0..<100, using: &random) }
        for deadline in deadlines { _ = queue.add(at: time(deadline)) { fired.append(deadline) } }
        while let action = queue.popDue(at: time(100)) { action() }
        #expect(fired == deadlines.sorted())
        #expect(queue.count == 0)
    }

    @Test func firesEqualDeadlinesInTheOrderTheyWereAdded() {
        var queue = TimerQueue()
        var fired: [Int] = []
        for number in 0..<50 { _ = queue.add(at: time(7)) { fired.append(number) } }
        while let action = queue.popDue(at: time(7)) { action() }
        #expect(fired == Array(0..<50))
    }

    @Test func holdsBackWhatIsNotDue() {
        var queue = TimerQueue()
        _ = queue.add(at: time(10)) {}
        #expect(queue.popDue(at: time(9)) == nil)
        #expect(queue.nextDeadline() == time(10))
        #expect(queue.popDue(at: time(10)) != nil)
        #expect(queue.nextDeadline() == nil)
    }

    @Test func cancelledTimersDoNotFire() {
        var queue = TimerQueue()
        var fired = 0
        let first = queue.add(at: time(1)) { fired += 1 }
        _ = queue.add(at: time(2)) { fired += 10 }
        queue.cancel(first)
        queue.cancel(first)
        #expect(queue.nextDeadline() == time(2))
        while let action = queue.popDue(at: time(5)) { action() }
        #expect(fired == 10)
        queue.cancel(first)
    }
}

import DataPlane
import EventLoop
import TestSupport
import Testing

@Suite struct DrainQueueTests {
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)

    @Test func spreadsEvenlyInRandomOrder() {
        var lot = SplitMix(seed: 42)
        var queue = DrainQueue(Array(0..<1000), over: .seconds(10), from: start, using: &lot)
        var order: [Int] = []
        for second in 1...10 {
            let end = start + .seconds(second)
            var count = 0
            while let next = queue.popDue(at: end) {
                order.append(next)
                count += 1
            }
            #expect((99...101).contains(count), "\(count) in second \(second)")
        }
        #expect(queue.nextDeadline == nil)
        #expect(order.sorted() == Array(0..<1000))
        #expect(order != order.sorted())
    }

    @Test func givesNothingBeforeItIsDue() throws {
        var lot = SplitMix(seed: 42)
        var queue = DrainQueue(["a", "b"], over: .seconds(2), from: start, using: &lot)
        let first = try #require(queue.nextDeadline)
        #expect(first >= start && first < start + .seconds(1))
        #expect(queue.popDue(at: start) == nil || first == start)
        #expect(queue.popDue(at: first) != nil)
        let second = try #require(queue.nextDeadline)
        #expect(second >= start + .seconds(1) && second <= start + .seconds(2))
        #expect(queue.popDue(at: first) == nil)
        #expect(queue.popDue(at: second) != nil)
        #expect(queue.popDue(at: start + .seconds(100)) == nil)
    }

    @Test func endsEverythingAtOnceWithoutASpread() {
        var lot = SplitMix(seed: 42)
        var queue = DrainQueue([1, 2, 3], over: .zero, from: start, using: &lot)
        var found: Set<Int> = []
        while let next = queue.popDue(at: start) { found.insert(next) }
        #expect(found == [1, 2, 3])
    }

    @Test func canBeEmpty() {
        var lot = SplitMix(seed: 42)
        var queue = DrainQueue([Int](), over: .seconds(1), from: start, using: &lot)
        #expect(queue.nextDeadline == nil)
        #expect(queue.popDue(at: start + .seconds(2)) == nil)
        #expect(DrainQueue<Int>().nextDeadline == nil)
    }
}

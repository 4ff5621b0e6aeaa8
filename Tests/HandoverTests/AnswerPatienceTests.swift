import EventLoop
import Testing

import Handover

@Suite struct AnswerPatienceTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func asksAsOftenAsItIsAnswered() {
        var patience = AnswerPatience()
        for _ in 0..<1000 {
            let mayAsk = patience.mayAsk(now: start)
            #expect(mayAsk)
            patience.heard()
        }
    }

    @Test func asksManyAtOnce() {
        var patience = AnswerPatience()
        #expect((0..<1000).allSatisfy { _ in patience.mayAsk(now: start) })
    }

    @Test func waitsBeforeItAsksAgain() {
        var patience = AnswerPatience()
        #expect([patience.mayAsk(now: start)] == [true])
        patience.missed(now: start + .seconds(1))
        let times = [Duration.seconds(1), .milliseconds(5999), .seconds(6)]
        #expect(times.map { patience.mayAsk(now: start + $0) } == [false, false, true])
    }

    @Test func leavesNoMoreQuestionsUnreadThanItsBound() {
        var patience = AnswerPatience()
        var asked = 0
        for hour in 0..<1000 {
            if patience.mayAsk(now: start + .seconds(3600 * hour)) { asked += 1 }
            patience.missed(now: start + .seconds(3600 * hour + 1))
        }
        #expect(asked == AnswerPatience.mostOpen)
        patience.heard()
        #expect([patience.mayAsk(now: start + .seconds(3600 * 1000))] == [true])
    }
}

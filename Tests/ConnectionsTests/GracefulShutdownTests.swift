import Connections
import EventLoop
import Testing

@Suite struct GracefulShutdownTests {
    private let timers: [TimerID] = {
        var queue = TimerQueue()
        return (0..<2).map { _ in queue.add(at: MonotonicTime(nanoseconds: 1)) {} }
    }()

    @Test func takesTwoSteps() {
        var shutdown = GracefulShutdown()
        #expect(!shutdown.hasBegun && shutdown.timer == nil)
        shutdown.announced(timers[0])
        #expect(shutdown.hasBegun && shutdown.timer == timers[0])
        shutdown.pingSent(timers[1])
        #expect(shutdown.hasBegun && shutdown.timer == timers[1])
        let timer = shutdown.finish()
        #expect(timer == timers[1] && shutdown.hasBegun && shutdown.timer == nil)
    }

    /// Both the answer and the end of the time for it may come.
    @Test func finishesOnce() {
        var shutdown = GracefulShutdown()
        shutdown.announced(timers[0])
        shutdown.pingSent(timers[1])
        _ = shutdown.finish()
        let again = shutdown.finish()
        #expect(again == nil)
    }

    /// The payload of the PING is no secret: a client that makes the answer up would lose streams on their way.
    @Test func anAnswerThatComesBeforeThePingCountsForNothing() {
        var shutdown = GracefulShutdown()
        let unasked = shutdown.finish()
        #expect(unasked == nil && !shutdown.hasBegun)
        shutdown.announced(timers[0])
        let early = shutdown.finish()
        #expect(early == nil && shutdown.timer == timers[0])
    }
}

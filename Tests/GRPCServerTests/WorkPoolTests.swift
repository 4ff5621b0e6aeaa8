import EventLoop
import GRPCServer
import Synchronization
import Testing

@Suite struct WorkPoolTests {
    @Test func doesEveryPieceOfWorkAndThenNoMore() async throws {
        let pool = try WorkPool(threads: 2)
        let done = Atomic(0)
        let all = OneTimeEvent()
        for _ in 0..<100 {
            let isTaken = pool.run { if done.add(1, ordering: .relaxed).newValue == 100 { all.set() } }
            #expect(isTaken)
        }
        await all.wait()
        pool.stop()
        #expect(!pool.run {})
    }

    @Test func refusesWhatDoesNotFitIntoItsQueue() async throws {
        let pool = try WorkPool(threads: 1, mostWaiting: 2)
        let begun = OneTimeEvent()
        let mayEnd = Mutex(false)
        #expect(
            pool.run {
                begun.set()
                while !mayEnd.withLock({ $0 }) {}
            })
        await begun.wait()
        #expect(pool.run {} && pool.run {})
        #expect(!pool.run {})
        mayEnd.withLock { $0 = true }
        pool.stop()
    }
}

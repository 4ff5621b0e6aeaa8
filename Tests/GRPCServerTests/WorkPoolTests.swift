import Connections
import EventLoop
import GRPCServer
import Synchronization
import Testing

@Suite struct WorkPoolTests {
    @Test func doesEveryPieceOfWorkAndThenNoMore() async throws {
        let pool = try WorkPool(threads: 2, mostBytes: 1000)
        let done = Atomic(0)
        let all = OneTimeEvent()
        for _ in 0..<100 {
            let isTaken = pool.run(of: .ipv4(1), bytes: 0) {
                if done.add(1, ordering: .relaxed).newValue == 100 { all.set() }
            }
            #expect(isTaken)
        }
        await all.wait()
        pool.stop()
        #expect(!pool.run(of: .ipv4(1), bytes: 0) {})
    }

    @Test func refusesWhatDoesNotFitIntoItsQueue() async throws {
        let pool = try WorkPool(threads: 1, mostWaiting: 4, mostBytes: 1000)
        let begun = OneTimeEvent()
        let mayEnd = Mutex(false)
        #expect(
            pool.run(of: .ipv4(1), bytes: 0) {
                begun.set()
                while !mayEnd.withLock({ $0 }) {}
            })
        await begun.wait()
        #expect(pool.run(of: .ipv4(1), bytes: 0) {} && pool.run(of: .ipv4(1), bytes: 0) {})
        #expect(!pool.run(of: .ipv4(1), bytes: 0) {})
        #expect(!pool.run(of: .ipv4(2), bytes: 1001) {})
        #expect(pool.run(of: .ipv4(2), bytes: 1000) {})
        mayEnd.withLock { $0 = true }
        pool.stop()
    }
}

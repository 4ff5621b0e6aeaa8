import DataPlane
import EventLoop
import Synchronization
import Testing

@Suite struct DrainWaitersTests {
    private final class Told: Sendable {
        private let numbers = Mutex<[UInt64]>([])

        func add(_ number: UInt64) { numbers.withLock { $0.append(number) } }
        var all: [UInt64] { numbers.withLock { $0.sorted() } }
    }

    private let told = Told()

    private func waiters(_ list: [(number: UInt64, color: Color, epoch: UInt64)]) -> DrainWaiters {
        var waiters = DrainWaiters()
        for (number, color, epoch) in list {
            waiters.add(number, color, before: epoch) { [told] in told.add(number) }
        }
        return waiters
    }

    @Test func callsBackOnceWhenNoCallIsLeft() {
        var ledger = EpochLedger()
        ledger.begin(Destination(epoch: 3, color: .blue, reason: .active))
        ledger.begin(Destination(epoch: 4, color: .green, reason: .active))
        var waiters = waiters([(1, .blue, 3), (2, .blue, 4), (3, .green, 4), (4, .green, 5)])
        waiters.notify(ledger)
        #expect(told.all == [1, 3])
        waiters.notify(ledger)
        #expect(told.all == [1, 3])
        ledger.end(Destination(epoch: 3, color: .blue, reason: .active))
        waiters.notify(ledger)
        #expect(told.all == [1, 2, 3])
        #expect(!waiters.isEmpty)
    }

    @Test func cancelledWaitsAreNotCalledBack() {
        var waiters = waiters([(1, .blue, 3), (2, .blue, 3)])
        waiters.remove(1)
        waiters.notify(EpochLedger())
        #expect(told.all == [2])
        #expect(waiters.isEmpty)
    }

    /// When the worker ends, its remaining calls end with it, so everybody is told: no later event could tell them.
    @Test func notifiesEveryoneWhenTheWorkerEnds() {
        var ledger = EpochLedger()
        ledger.begin(Destination(epoch: 1, color: .blue, reason: .active))
        var waiters = waiters([(1, .blue, 2), (2, .blue, 3)])
        waiters.notify(ledger)
        #expect(told.all == [])
        waiters.notifyAll()
        waiters.notifyAll()
        #expect(told.all == [1, 2])
    }

    @Test func callsBackWhenTheLastCallOfAColorAndEpochIsGone() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        let blue = stage.accept()
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .blue))
        stage.call(client)
        stage.settle()
        let told = Mutex<[String]>([])
        stage.worker.wait(1, untilDrained: .green, before: 9) { told.withLock { $0.append("green") } }
        #expect(told.withLock { $0 } == ["green"])
        stage.worker.wait(2, untilDrained: .blue, before: 2) { told.withLock { $0.append("blue 2") } }
        stage.worker.wait(3, untilDrained: .blue, before: 3) { told.withLock { $0.append("blue 3") } }
        blue.fail(blue.openAttempts[0], 8)
        stage.settle()
        #expect(told.withLock { $0 } == ["green", "blue 2"])
        blue.fail(blue.openAttempts[0], 8)
        stage.settle()
        #expect(told.withLock { $0 } == ["green", "blue 2", "blue 3"])
        #expect(stage.journal.violations == [])
    }
}

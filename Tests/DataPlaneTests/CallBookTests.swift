import Connections
import CNghttp2
import DataPlane
import EventLoop
import Glibc
import Ground
import Synchronization
import Testing

/// The book's lists themselves are checked by `WorkerAudit` after each turn.
@Suite struct CallBookTests {
    private let cancel = UInt32(NGHTTP2_CANCEL.rawValue)

    private func finished(_ totals: TrafficReport.ColorTotals) -> Int {
        totals.finishedByStatus.total + totals.finishedByHTTPClass.reduce(0, +)
    }

    private func inFlight(_ stage: WorkerStage) -> [Int] { stage.worker.report().inFlight.map(\.calls) }

    @Test func aCallIsBookedWhenItIsOver() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        let calls = [stage.call(client), stage.call(client, isGRPC: false)]
        stage.settle()
        let backend = stage.accept()
        stage.settle()
        let before = stage.worker.report().colors.blue
        #expect(before.started == 2 && finished(before) == 0 && inFlight(stage) == [2])
        backend.cooperate()
        stage.settle()
        let after = stage.worker.report().colors.blue
        #expect(calls.allSatisfy { $0.outcome == .complete } && inFlight(stage) == [])
        #expect(after.started == 2 && after.finishedByStatus[.ok] == 1 && after.finishedByHTTPClass[2] == 1)
        #expect(after.bytesUp == 20 && after.bytesDown == calls.reduce(0) { $0 + $1.received })
        #expect(stage.journal.violations == [])
    }

    /// In whatever order calls end, the remaining ones are still found at their places.
    @Test func callsEndInAnyOrder() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        let calls = (0..<7).map { _ in stage.call(client) }
        stage.settle()
        stage.accept()
        stage.settle()
        for (count, index) in [0, 6, 3, 5, 1, 4, 2].enumerated() {
            client.cancel(calls[index], cancel)
            stage.settle()
            let totals = stage.worker.report().colors.blue
            #expect(inFlight(stage) == (count < 6 ? [6 - count] : []))
            #expect(totals.finishedByStatus[.cancelled] == count + 1 && finished(totals) == count + 1)
        }
        #expect(stage.journal.violations == [])
    }

    @Test func countsEachEpochByItself() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        stage.call(client)
        stage.settle()
        for epoch in 2...3 {
            stage.word.store(Route(epoch: UInt64(epoch), active: epoch == 2 ? .green : .blue))
            for _ in 0..<epoch { stage.call(client) }
            stage.settle()
        }
        let entries = stage.worker.report().inFlight.sorted { $0.epoch < $1.epoch }
        #expect(entries.map(\.epoch) == [1, 2, 3] && entries.map(\.calls) == [1, 2, 3])
        #expect(entries.map(\.color) == [.blue, .green, .blue])
        #expect(stage.journal.violations == [])
    }

    /// A call that is refused and whose client leaves in the same turn isn't placed again.
    @Test(arguments: [false, true]) func anEndedCallIsNotPlacedAgain(clientFirst: Bool) throws {
        for count in 1...3 {
            let stage = try WorkerStage()
            stage.plan = .hold
            let client = try stage.client()
            let calls = (0..<count).map { _ in stage.call(client) }
            stage.settle()
            let backend = stage.accept()
            stage.settle()
            for attempt in backend.openAttempts { backend.fail(attempt, UInt32(NGHTTP2_REFUSED_STREAM.rawValue)) }
            for call in calls { client.cancel(call, cancel) }
            // Both events are waiting when the worker takes its turn, which reads them in this order.
            let peers: [SimulatedPeer] = clientFirst ? [client, backend] : [backend, client]
            for peer in peers { _ = peer.send(atMost: 1 << 20) }
            stage.settle()
            let totals = stage.worker.report().colors.blue
            #expect(finished(totals) == count && totals.finishedByStatus[.cancelled] == count && inFlight(stage) == [])
            #expect(calls.allSatisfy { $0.attempts.count == 1 })
            #expect(stage.journal.violations == [])
        }
    }

    @Test func notifiesWaitersWhenTheLastCallEnds() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        let old = [stage.call(client), stage.call(client)]
        stage.settle()
        stage.word.store(Route(epoch: 2, active: .blue))
        stage.call(client)
        stage.settle()
        stage.accept()
        stage.settle()
        let told = Mutex(0)
        stage.worker.wait(1, untilDrained: .green, before: 2) { told.withLock { $0 += 1 } }
        #expect(told.withLock { $0 } == 1)
        stage.worker.wait(2, untilDrained: .blue, before: 2) { told.withLock { $0 += 10 } }
        client.cancel(old[0], cancel)
        stage.settle()
        #expect(told.withLock { $0 } == 1)
        client.cancel(old[1], cancel)
        stage.settle()
        #expect(told.withLock { $0 } == 11)
        #expect(stage.journal.violations == [])
    }

    /// When the worker ends, those who wait are told although a call is left: its upstream's socket has no room for a
    /// reset.
    @Test func notifiesWaitersWhenTheWorkerEnds() throws {
        let stage = try WorkerStage()
        stage.call(try stage.client(), size: 60_000)
        stage.settle()
        var size: Int32 = 4_096
        unsafe setsockopt(
            stage.attempts[0].ends.workers.descriptor.number, SOL_SOCKET, SO_SNDBUF, &size,
            socklen_t(MemoryLayout<Int32>.size))
        stage.accept().isReading = false
        stage.settle()
        let told = Mutex(false)
        stage.worker.wait(1, untilDrained: .blue, before: 2) { told.withLock { $0 = true } }
        #expect(!told.withLock { $0 })
        stage.worker.stop()
        #expect(told.withLock { $0 } && inFlight(stage) == [1])
    }
}

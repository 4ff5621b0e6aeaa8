import CNghttp2
import DataPlane
import EventLoop
import Testing

@Suite struct UpstreamConnectionTests {
    @Test func afterAGoAwayNewCallsGoElsewhereAndOpenOnesGoOn() throws {
        let stage = try WorkerStage()
        stage.plan = .hold
        let client = try stage.client()
        let first = stage.call(client)
        stage.settle()
        let leaving = stage.accept()
        stage.settle()
        leaving.announceEnd()
        stage.settle()
        let second = stage.call(client)
        stage.settle()
        let other = stage.accept()
        stage.settle()
        #expect(leaving.openAttempts.count == 1 && other.openAttempts.count == 1)
        leaving.cooperate()
        other.cooperate()
        stage.settle()
        #expect(first.grpcStatus == 0 && second.grpcStatus == 0)
        #expect(!leaving.isOpen && other.isOpen)
        #expect(stage.journal.violations == [])
    }

    /// A stream that the upstream hasn't processed is placed again, from its beginning.
    @Test func aCallThatIsRefusedIsPlacedOnceMore() throws {
        let stage = try WorkerStage()
        stage.plan = .refuse
        let client = try stage.client()
        let call = stage.call(client, size: 5_000)
        stage.settle()
        stage.accept()
        stage.settle()
        #expect(call.attempts.count == 2 && call.outcome == .complete && call.grpcStatus == 14)
        #expect(stage.worker.report().colors[.blue].retried == 1)
        #expect(stage.journal.violations == [])
    }

    /// An upstream's RST_STREAM reaches the client after everything that came before it.
    @Test func aResetComesAfterTheBytes() throws {
        let stage = try WorkerStage()
        let cancel = UInt32(NGHTTP2_CANCEL.rawValue)
        stage.plan = .reset(cancel, afterHead: true, bytes: 3_000)
        let call = stage.call(try stage.client())
        stage.settle()
        stage.accept()
        stage.settle()
        #expect(call.outcome == .reset(cancel) && call.received == 3_000)
        #expect(stage.journal.violations == [])
    }

    @Test func pingsASilentUpstreamAndGivesItUp() throws {
        var limits = DataPlaneLimits()
        limits.upstreamKeepalive = .seconds(20)
        let stage = try WorkerStage(limits: limits)
        stage.plan = .hold
        let call = stage.call(try stage.client())
        stage.settle()
        let backend = stage.accept()
        // The backend answers the PINGs.
        stage.pass(.seconds(60))
        #expect(call.outcome == .open)
        backend.isReading = false
        stage.pass(.seconds(32))
        #expect(call.outcome == .complete && call.grpcStatus == 14)
        #expect(stage.journal.violations == [])
    }

    /// A connection that has used half of its reset budget rests while another one takes its calls.
    @Test func aWornConnectionRests() throws {
        var limits = DataPlaneLimits()
        limits.upstreamResets = 4
        let stage = try WorkerStage(limits: limits)
        stage.plan = .hold
        let client = try stage.client()
        let calls = (0..<4).map { _ in stage.call(client) }
        stage.settle()
        let worn = stage.accept()
        stage.settle()
        for call in calls.prefix(2) { client.cancel(call, UInt32(NGHTTP2_CANCEL.rawValue)) }
        stage.settle()
        #expect(stage.attempts.count == 1)
        let other = stage.accept()
        stage.settle()
        stage.call(client)
        stage.settle()
        #expect(worn.openAttempts.count == 2 && other.openAttempts.count == 1)
        #expect(stage.journal.violations == [])
    }
}

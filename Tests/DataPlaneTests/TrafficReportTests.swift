import Connections
import DataPlane
import EventLoop
import Ground
import Testing

@Suite struct TrafficReportTests {
    private typealias Totals = TrafficReport.ColorTotals

    private func report(_ inFlight: [(UInt64, Color, Int)], unanswered: Int = 0) -> TrafficReport {
        var report = TrafficReport()
        report.inFlight = inFlight.map { TrafficReport.InFlight(epoch: $0.0, color: $0.1, calls: $0.2) }
        report.unanswered = unanswered
        return report
    }

    // MARK: What is left

    /// Only calls of earlier epochs are left over from a switch: calls of the new epoch began where they belong.
    @Test func callsLeftBeganBeforeTheChange() {
        let report = report([(1, .blue, 3), (2, .green, 5), (3, .blue, 7), (4, .blue, 11)])
        #expect(report.left(on: .blue, before: 4) == TrafficReport.Left(calls: 10))
        #expect(report.left(on: .blue, before: 1).isNone && report.left(on: .green, before: 2).isNone)
        #expect(report.inFlight(on: .blue) == 21 && report.inFlight(on: .green) == 5)
    }

    @Test func aProcessThatSaysNothingMayHaveCalls() {
        let left = report([(2, .blue, 1)], unanswered: 1).left(on: .blue, before: 2)
        #expect(left == TrafficReport.Left(calls: 0, unanswered: 1) && !left.isNone)
        #expect(!TrafficReport.Left(calls: 1).isNone && TrafficReport.Left(calls: 0).isNone)
    }

    // MARK: Sums

    /// Every count is added, none twice.
    @Test func workersAreAddedUp() {
        var (one, other, sum) = (Totals(), Totals(), Totals())
        func fill(_ totals: inout Totals, _ unit: Int) {
            totals.started = unit
            totals.retried = 2 * unit
            totals.failedOver = 3 * unit
            totals.drained = 4 * unit
            totals.bytesUp = 5 * unit
            totals.bytesDown = 6 * unit
            totals.durationMicroseconds = 7 * unit
            totals.upstreamConnections = 8 * unit
            for status in GRPCStatus.allCases { totals.finishedByStatus[status] = (10 + status.rawValue) * unit }
            for index in totals.finishedByHTTPClass.indices { totals.finishedByHTTPClass[index] = (50 + index) * unit }
            for index in totals.durationBuckets.indices { totals.durationBuckets[index] = (70 + index) * unit }
            for (index, kind) in ProxyAnswer.Kind.allCases.enumerated() {
                totals.failedByKind[kind] = (100 + index) * unit
            }
        }
        fill(&one, 1)
        fill(&other, 1_000)
        fill(&sum, 1_001)
        one.add(other)
        #expect(one == sum)
        #expect(one.failedByProxy == sum.failedByKind.total && one.failedByProxy > 0)
    }

    // MARK: Calls that have ended

    /// Runs one call, which its backend holds for the duration `held`.
    private func book(isGRPC: Bool = true, held: Duration = .zero) throws -> Totals {
        let stage = try WorkerStage()
        stage.plan = .hold
        let call = stage.call(try stage.client(), size: 30, isGRPC: isGRPC)
        stage.settle()
        let backend = stage.accept()
        stage.settle()
        stage.pass(held)
        #expect(call.outcome == .open)
        backend.cooperate()
        stage.settle()
        #expect(call.outcome == .complete && stage.journal.violations == [])
        return stage.worker.report().colors[.blue]
    }

    @Test func aCallIsCountedByItsStatus() throws {
        let totals = try book()
        var expected = CaseCounts<GRPCStatus>()
        expected[.ok] = 1
        #expect(totals.started == 1 && totals.finishedByStatus == expected)
        #expect(totals.finishedByHTTPClass.allSatisfy { $0 == 0 } && totals.failedByProxy == 0)
        #expect(totals.bytesUp == 30)
    }

    @Test func anyOtherRequestByItsClass() throws {
        let totals = try book(isGRPC: false)
        #expect(totals.finishedByHTTPClass == [0, 0, 1, 0, 0, 0])
        #expect(totals.finishedByStatus.total == 0)
    }

    @Test(arguments: [(0, 0), (3_000, 3), (4_000, 3), (6_000, 4), (59_000_000, 15), (61_000_000, 16)])
    func durationsFallIntoBuckets(microseconds: Int, bucket: Int) throws {
        let totals = try book(held: .microseconds(microseconds))
        #expect(totals.durationBuckets.firstIndex(of: 1) == bucket && totals.durationBuckets.reduce(0, +) == 1)
        #expect((microseconds..<microseconds + 400).contains(totals.durationMicroseconds))
    }

    @Test func theProxysOwnAnswersAreCountedByKind() throws {
        let stage = try WorkerStage()
        stage.refuses = true
        let call = stage.call(try stage.client())
        stage.pass(.seconds(1))
        #expect(call.outcome == .complete && call.grpcStatus == GRPCStatus.unavailable.rawValue)
        let totals = stage.worker.report().colors[.blue]
        #expect(totals.failedByKind[.unreachable] == 1 && totals.failedByProxy == 1)
        #expect(totals.finishedByStatus[.unavailable] == 1)
    }
}

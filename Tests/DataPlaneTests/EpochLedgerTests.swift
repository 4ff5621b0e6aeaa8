import DataPlane
import Testing

@Suite struct EpochLedgerTests {
    @Test func countsByEpoch() {
        var ledger = EpochLedger()
        ledger.begin(Route(epoch: 1, active: .blue))
        ledger.begin(Route(epoch: 1, active: .blue))
        ledger.begin(Route(epoch: 2, active: .green))
        ledger.begin(Route(epoch: 4, active: .green))
        ledger.end(Route(epoch: 1, active: .blue))
        ledger.end(Route(epoch: 2, active: .green))
        #expect(
            ledger.entries == [
                .init(epoch: 1, color: .blue, calls: 1), .init(epoch: 4, color: .green, calls: 1),
            ])
        #expect(ledger.total == 2)
        ledger.end(Route(epoch: 4, active: .green))
        ledger.end(Route(epoch: 1, active: .blue))
        #expect(ledger.entries.isEmpty && ledger.total == 0)
    }

    @Test func tellsColorsOfAnEpochApart() {
        var ledger = EpochLedger()
        ledger.begin(Route(epoch: 3, active: .blue))
        ledger.begin(Route(epoch: 3, active: .green))
        ledger.begin(Route(epoch: 3, active: .blue))
        #expect(
            ledger.entries == [
                .init(epoch: 3, color: .blue, calls: 2), .init(epoch: 3, color: .green, calls: 1),
            ])
        ledger.end(Route(epoch: 3, active: .green))
        #expect(ledger.entries == [.init(epoch: 3, color: .blue, calls: 2)])
    }

    @Test func knowsWhetherAnEarlierCallIsLeft() {
        var ledger = EpochLedger()
        ledger.begin(Route(epoch: 2, active: .blue))
        ledger.begin(Route(epoch: 3, active: .green))
        #expect(ledger.hasCalls(on: .blue, before: 3))
        #expect(!ledger.hasCalls(on: .blue, before: 2))
        #expect(!ledger.hasCalls(on: .green, before: 3))
        ledger.end(Route(epoch: 2, active: .blue))
        #expect(!ledger.hasCalls(on: .blue, before: 3))
    }

    @Test func reportsCallsThatASwitchStillWaitsFor() {
        var report = TrafficReport()
        report.inFlight = [
            .init(epoch: 1, color: .blue, calls: 3), .init(epoch: 2, color: .green, calls: 5),
            .init(epoch: 3, color: .blue, calls: 7),
        ]
        #expect(report.inFlight(on: .blue, before: 3) == 3)
        #expect(report.inFlight(on: .blue) == 10)
    }
}

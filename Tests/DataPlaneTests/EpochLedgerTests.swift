import DataPlane
import Testing

@Suite struct EpochLedgerTests {
    @Test func countsByEpoch() {
        var ledger = EpochLedger()
        ledger.begin(Destination(epoch: 1, color: .blue, reason: .active))
        ledger.begin(Destination(epoch: 1, color: .blue, reason: .active))
        ledger.begin(Destination(epoch: 2, color: .green, reason: .active))
        ledger.begin(Destination(epoch: 4, color: .green, reason: .active))
        ledger.end(Destination(epoch: 1, color: .blue, reason: .active))
        ledger.end(Destination(epoch: 2, color: .green, reason: .active))
        #expect(
            ledger.entries == [
                .init(epoch: 1, color: .blue, calls: 1), .init(epoch: 4, color: .green, calls: 1),
            ])
        #expect(ledger.total == 2)
        ledger.end(Destination(epoch: 4, color: .green, reason: .active))
        ledger.end(Destination(epoch: 1, color: .blue, reason: .active))
        #expect(ledger.entries.isEmpty && ledger.total == 0)
    }

    @Test func tellsColorsOfAnEpochApart() {
        var ledger = EpochLedger()
        ledger.begin(Destination(epoch: 3, color: .blue, reason: .active))
        ledger.begin(Destination(epoch: 3, color: .green, reason: .active))
        ledger.begin(Destination(epoch: 3, color: .blue, reason: .active))
        #expect(
            ledger.entries == [
                .init(epoch: 3, color: .blue, calls: 2), .init(epoch: 3, color: .green, calls: 1),
            ])
        ledger.end(Destination(epoch: 3, color: .green, reason: .active))
        #expect(ledger.entries == [.init(epoch: 3, color: .blue, calls: 2)])
    }

    @Test func knowsWhetherAnEarlierCallIsLeft() {
        var ledger = EpochLedger()
        ledger.begin(Destination(epoch: 2, color: .blue, reason: .active))
        ledger.begin(Destination(epoch: 3, color: .green, reason: .active))
        #expect(ledger.hasCalls(on: .blue, before: 3))
        #expect(!ledger.hasCalls(on: .blue, before: 2))
        #expect(!ledger.hasCalls(on: .green, before: 3))
        ledger.end(Destination(epoch: 2, color: .blue, reason: .active))
        #expect(!ledger.hasCalls(on: .blue, before: 3))
    }

    @Test func callsThatAskedForTheirColorAreCountedApart() {
        var ledger = EpochLedger()
        let asked = [Destination.Reason.preview, .metadata].map { Destination(epoch: 1, color: .green, reason: $0) }
        for destination in asked { ledger.begin(destination) }
        ledger.begin(Destination(epoch: 2, color: .blue, reason: .failover))
        #expect(ledger.total == 3 && !ledger.hasCalls(on: .green, before: 9))
        #expect(ledger.entries == [.init(epoch: 2, color: .blue, calls: 1)])
        #expect(ledger.askedFor == [.init(epoch: 1, color: .green, calls: 2)])
        #expect(ledger.hasCalls(on: .green, before: 2, .all) && ledger.hasCalls(on: .blue, before: 3, .all))
        #expect(!ledger.hasCalls(on: .green, before: 1, .all) && !ledger.hasCalls(on: .blue, before: 2, .all))
        for destination in asked { ledger.end(destination) }
        #expect(ledger.total == 1 && ledger.askedFor.isEmpty && !ledger.hasCalls(on: .green, before: 9, .all))
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

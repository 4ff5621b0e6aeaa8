import Connections
import EventLoop
import Testing

@Suite struct ClientBudgetTests {
    private let now = MonotonicTime(nanoseconds: 1_000_000_000)
    private let limits: ConnectionLimits = {
        var limits = ConnectionLimits()
        (limits.maxConcurrentStreams, limits.resetBudget) = (100, 20)
        limits.resetRefill = .seconds(3600)
        return limits
    }()

    private func account(in table: inout PeerTable) -> PeerAccount {
        table.open(Peer(nil), capacity: limits.resetBudget, refill: limits.resetRefill, now: now)
    }

    @Test func beginsWithAllStreams() {
        var budget = ClientBudget(limits, left: nil, now: now)
        #expect(budget.announced == 100)
        #expect(budget.beginWithWhatIsLeft(now: now) == nil)
    }

    @Test func beginsWithOneStreamForEachResetLeft() {
        #expect(ClientBudget(limits, left: 3, now: now).announced == 3)
        #expect(ClientBudget(limits, left: 0, now: now).announced == 1)
        #expect(ClientBudget(limits, left: 20, now: now).announced == 100)
    }

    @Test func theNextConnectionBeginsWithWhatTheLastOneLeft() {
        var table = PeerTable()
        var first = ClientBudget(limits, left: nil, now: now)
        first.join(account(in: &table))
        for _ in 0..<15 {
            let mayGoOn = first.endedUncleanly(now: now)
            #expect(mayGoOn)
        }
        var next = ClientBudget(limits, left: nil, now: now)
        next.join(account(in: &table))
        let beginning = next.beginWithWhatIsLeft(now: now)
        #expect(beginning == ClientBudget.Beginning(streams: 5, isNews: true))
        #expect(next.announced == 5)
        // The number in its first SETTINGS isn't announced a second time.
        var told = ClientBudget(limits, left: 5, now: now)
        told.join(account(in: &table))
        let again = told.beginWithWhatIsLeft(now: now)
        #expect(again == ClientBudget.Beginning(streams: 5, isNews: false))
    }

    @Test func goesOnUntilItsResetsAreUsedUp() {
        var budget = ClientBudget(limits, left: nil, now: now)
        let goesOn = (0..<21).map { _ in budget.endedUncleanly(now: now) }
        #expect(goesOn == Array(repeating: true, count: 20) + [false])
    }

    @Test func earnsStreamsByCallsThatEndWell() {
        var table = PeerTable()
        let spent = account(in: &table)
        for _ in 0..<16 { _ = spent.resets.endedUncleanly(now: now) }
        var budget = ClientBudget(limits, left: 4, now: now)
        budget.join(account(in: &table))
        _ = budget.beginWithWhatIsLeft(now: now)
        var told: [Int] = []
        for _ in 0..<40 {
            budget.endedCleanly()
            if let more = budget.earnMore(now: now) { told.append(more) }
        }
        #expect(told == [8, 16, 100])
        #expect(budget.announced == 100)
        #expect(budget.earnMore(now: now) == nil)
    }

    @Test func forgivesResetsAfterTheDeadline() {
        var budget = ClientBudget(limits, left: nil, now: now)
        let began = now
        let late = budget.forgives(began + .milliseconds(50), began: began, now: began + .seconds(1))
        let early = budget.forgives(began + .seconds(60), began: began, now: began + .seconds(1))
        #expect(late && !early)
    }
}

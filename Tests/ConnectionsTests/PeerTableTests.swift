import Connections
import EventLoop
import Testing

@Suite struct PeerTableTests {
    private let now = MonotonicTime(nanoseconds: 1_000_000_000)

    private func open(_ table: inout PeerTable, _ number: UInt32, capacity: Int = 10) -> PeerAccount {
        table.open(.ipv4(number), capacity: capacity, refill: .seconds(1), now: now)
    }

    @Test func remembersAPeersUsedBudget() {
        var table = PeerTable(capacity: 4)
        let first = open(&table, 1)
        for _ in 0..<7 { first.resets.endedUncleanly(now: now) }
        #expect(open(&table, 1) === first && open(&table, 2) !== first)
        table.close(first)
        table.close(first)
        #expect(open(&table, 1).resets.left(now: now) == 3)
        #expect(open(&table, 3).resets.left(now: now) == 10)
    }

    @Test func forgetsThePeersAwayLongest() {
        var table = PeerTable(capacity: 2)
        let accounts = (1...4).map { open(&table, $0) }
        for account in accounts { account.resets.endedUncleanly(now: now) }
        for index in [2, 0, 1] { table.close(accounts[index]) }
        // The third peer is forgotten; the fourth still has its connection.
        #expect(table.count == 3)
        #expect(open(&table, 3) !== accounts[2])
        #expect(open(&table, 1) === accounts[0] && open(&table, 4) === accounts[3])
    }

    @Test func doesNotForgetAPeerThatHasComeBack() {
        var table = PeerTable(capacity: 1)
        let first = open(&table, 1)
        table.close(first)
        _ = open(&table, 1)
        let second = open(&table, 2)
        table.close(second)
        table.close(open(&table, 3))
        #expect(open(&table, 1) === first)
        #expect(open(&table, 2) !== second)
    }

    @Test func isBoundedHoweverManyComeAndGo() {
        var table = PeerTable(capacity: 100)
        let standing = (0..<50).map { open(&table, $0) }
        for number in 1_000..<20_000 {
            table.close(open(&table, UInt32(number)))
            // A peer that comes and goes all the while.
            table.close(open(&table, 999))
        }
        #expect(table.count == 150)
        for (number, account) in standing.enumerated() { #expect(open(&table, UInt32(number)) === account) }
    }

    @Test func aChangedBudgetBeginsAnew() {
        var table = PeerTable()
        let account = open(&table, 1)
        for _ in 0..<10 { account.resets.endedUncleanly(now: now) }
        #expect(open(&table, 1).resets.left(now: now) == 0)
        #expect(open(&table, 1, capacity: 20).resets.left(now: now) == 20)
    }

    @Test func knowsAPeersRemainingBudget() {
        var table = PeerTable()
        let now = MonotonicTime(nanoseconds: 1_000)
        let peer = Peer.ipv4(1)
        #expect(table.left(of: peer, now: now) == nil)
        let account = table.open(peer, capacity: 10, refill: .seconds(3600), now: now)
        #expect(table.left(of: peer, now: now) == 10)
        _ = account.resets.endedUncleanly(now: now)
        table.close(account)
        #expect(table.left(of: peer, now: now) == 9)
    }
}

import DataPlane
import TestSupport
import Testing

@Suite struct WaitingCallsTests {
    private typealias Queue = WaitingCalls<String, Int, String>

    private func add(_ queue: inout Queue, _ names: [String], _ client: Int, _ peer: String) {
        for name in names { _ = queue.append(name, of: client, peer, capacity: 1_000) }
    }

    @Test func clientsTakeTurnsAndEachKeepsItsOrder() {
        var queue = Queue()
        add(&queue, ["a1", "a2", "a3", "a4"], 1, "x")
        add(&queue, ["b1", "b2"], 2, "x")
        add(&queue, ["c1"], 3, "x")
        expect(queue.removeAll() == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"])
        #expect(queue.isEmpty)
    }

    /// A peer with many connections gets no more turns than a peer with one.
    @Test func peersTakeTurnsWhateverTheirConnections() {
        var queue = Queue()
        for client in 0..<20 { add(&queue, ["x\(client).1", "x\(client).2"], client, "x") }
        add(&queue, ["y1", "y2"], 100, "y")
        expect((0..<4).map { _ in queue.next() } == ["x0.1", "y1", "x1.1", "y2"])
        #expect(queue.count == 38)
    }

    @Test func endedCallsLeaveNoGap() {
        var queue = Queue()
        var tickets: [Queue.Ticket] = []
        for name in ["a", "b", "c", "d"] {
            if case .waits(let ticket) = queue.append(name, of: 1, "x", capacity: 10) { tickets.append(ticket) }
        }
        expect(queue.remove(tickets[1]) == "b")
        expect(queue.remove(tickets[3]) == "d")
        expect(queue.remove(tickets[0]) == "a")
        add(&queue, ["e"], 1, "x")
        expect(queue.removeAll() == ["c", "e"])
    }

    @Test func thePeerWithMostGivesWayToANewcomer() {
        var queue = Queue()
        add(&queue, ["a1", "a2", "a3"], 1, "x")
        add(&queue, ["b1"], 2, "x")
        guard case .displaces("a3", _) = queue.append("y1", of: 3, "y", capacity: 4) else {
            Issue.record("the newest of the client with most gives way")
            return
        }
        // The peer with most calls now has one client with two and one with one.
        guard case .displaces("a2", _) = queue.append("y2", of: 3, "y", capacity: 4) else {
            Issue.record("x has three with a newcomer's one against two")
            return
        }
        expect(queue.removeAll() == ["a1", "y1", "b1", "y2"])
    }

    @Test func thePeerWithMostIsRefused() {
        var queue = Queue()
        add(&queue, ["a1", "a2", "a3"], 1, "x")
        add(&queue, ["b1"], 2, "y")
        guard case .refused = queue.append("a4", of: 1, "x", capacity: 4) else {
            Issue.record("a fourth of whoever has three")
            return
        }
        #expect(queue.count == 4)
        expect(queue.removeAll() == ["a1", "b1", "a2", "a3"])
    }

    @Test func amongEqualsTheNewcomerIsRefused() {
        var queue = Queue()
        for client in 0..<4 { add(&queue, ["\(client)"], client, "p\(client)") }
        guard case .refused = queue.append("4", of: 4, "p4", capacity: 4) else {
            Issue.record("nobody has more than it")
            return
        }
        expect(queue.removeAll() == ["0", "1", "2", "3"])
    }

    /// After any sequence of operations the queue agrees with a simple model.
    @Test(arguments: 0..<30) func agreesWithAModel(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var queue = WaitingCalls<Int, Int, Int>()
        var tickets: [Int: WaitingCalls<Int, Int, Int>.Ticket] = [:]
        var clients: [Int: Int] = [:]
        for number in 0..<3_000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1, 2:
                let client = Int.random(in: 0..<12, using: &random)
                let most = peers(clients).values.max() ?? 0
                switch queue.append(number, of: client, client % 4, capacity: 40) {
                case .waits(let ticket):
                    #expect(clients.count < 40)
                    (tickets[number], clients[number]) = (ticket, client)
                case .displaces(let other, let ticket):
                    #expect(clients.count == 40)
                    let peer = clients[other]! % 4
                    #expect((peers(clients)[peer] ?? 0) + (peer == client % 4 ? 1 : 0) >= most)
                    #expect(clients.filter { $0.value == clients[other]! }.keys.max() == other)
                    (tickets[other], clients[other]) = (nil, nil)
                    (tickets[number], clients[number]) = (ticket, client)
                case .refused:
                    #expect(clients.count == 40)
                    #expect((peers(clients)[client % 4] ?? 0) + 1 >= most)
                }
            case 3:
                guard let (number, ticket) = tickets.randomElement(using: &random) else { continue }
                expect(queue.remove(ticket) == number)
                (tickets[number], clients[number]) = (nil, nil)
            default:
                guard let next = queue.next() else {
                    #expect(clients.isEmpty)
                    continue
                }
                // The next call is its client's oldest.
                #expect(clients.filter { $0.value == clients[next]! }.keys.min() == next)
                (tickets[next], clients[next]) = (nil, nil)
            }
            #expect(queue.count == clients.count)
        }
        var left: [Int] = []
        queue.forEach { element, _ in left.append(element) }
        #expect(Set(left) == Set(clients.keys) && left.count == clients.count)
        expect(Set(queue.removeAll()) == Set(left))
    }

    private func peers(_ clients: [Int: Int]) -> [Int: Int] {
        clients.values.reduce(into: [:]) { $0[$1 % 4, default: 0] += 1 }
    }
}

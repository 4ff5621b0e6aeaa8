import Connections
import HTTP2
import TestSupport
import Testing

@Suite struct FlushQueueTests {
    @Test func keepsTheSidesApartAndTheOrder() {
        var queue = FlushQueue<Int>()
        expect(queue.isEmpty)
        queue.add(1, .server)
        queue.add(2, .client)
        queue.add(3, .server)
        expect(!queue.isEmpty)
        let clients = queue.take(.server)
        expect(clients == [1, 3] && !queue.isEmpty)
        let upstreams = queue.take(.client)
        expect(upstreams == [2] && queue.isEmpty)
    }

    /// While a round goes on, others come to have something to send.
    @Test func whatComesDuringARoundIsInTheNext() {
        var queue = FlushQueue<Int>()
        queue.add(1, .server)
        var round = queue.take(.server)
        #expect(round == [1])
        queue.add(2, .server)
        queue.add(1, .server)
        round.removeAll(keepingCapacity: true)
        queue.reuse(round)
        let next = queue.take(.server)
        expect(next == [2, 1] && queue.isEmpty)
    }

    @Test func roundsAllocateNothingOnceThereIsRoom() {
        var queue = FlushQueue<Int>()
        var capacities: [Int] = []
        for round in 0..<6 {
            // The first two rounds make the two arrays that take turns.
            for number in 0..<(round < 2 ? 1000 : 1) { queue.add(number, .server) }
            var taken = queue.take(.server)
            capacities.append(taken.capacity)
            taken.removeAll(keepingCapacity: true)
            queue.reuse(taken)
        }
        #expect(capacities.allSatisfy { $0 >= 1000 })
    }
}

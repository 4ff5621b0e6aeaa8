import GRPCServer
import Testing

@Suite("Work that waits for a thread") struct WorkQueueTests {
    private typealias Queue = WorkQueue<String, Int>

    /// An expectation can't call what changes a queue.
    private func expect(_ expected: Bool, _ isTaken: Bool, _ location: SourceLocation = #_sourceLocation) {
        #expect(isTaken == expected, sourceLocation: location)
    }

    private func all(_ queue: inout Queue) -> [Int] {
        var works: [Int] = []
        while let work = queue.next() { works.append(work) }
        return works
    }

    @Test func ownersHaveTheirTurnsOneAfterTheOther() {
        var queue = Queue(capacity: 100, byteCapacity: 100)
        for work in 1...4 { expect(true, queue.append(work, of: "a", bytes: 1)) }
        expect(true, queue.append(10, of: "b", bytes: 1))
        expect(true, queue.append(20, of: "c", bytes: 1))
        expect(true, queue.append(11, of: "b", bytes: 1))
        let first = queue.next()
        #expect(first == 1)
        // An owner who comes later waits for no more than a turn of the others.
        expect(true, queue.append(30, of: "d", bytes: 1))
        let rest = all(&queue)
        #expect(rest == [10, 20, 2, 30, 11, 3, 4])
        #expect(queue.count == 0 && queue.bytes == 0)
    }

    @Test func nobodyTakesMoreThanIsLeft() {
        var queue = Queue(capacity: 8, byteCapacity: 1 << 20)
        let taken = ["a", "b", "c"].map { owner in (0..<10).count { queue.append($0, of: owner, bytes: 0) } }
        #expect(taken == [4, 2, 1])
        // The last place is anybody's who has none.
        expect(true, queue.append(0, of: "d", bytes: 0))
        expect(false, queue.append(0, of: "e", bytes: 0))
        _ = queue.next()
        expect(true, queue.append(0, of: "e", bytes: 0))
    }

    @Test func nobodyHoldsMoreBytesThanAreFree() {
        var queue = Queue(capacity: 1000, byteCapacity: 1000)
        expect(false, queue.append(0, of: "a", bytes: 1001))
        expect(true, queue.append(0, of: "a", bytes: 500))
        expect(false, queue.append(0, of: "a", bytes: 1))
        expect(true, queue.append(0, of: "b", bytes: 250))
        expect(false, queue.append(0, of: "b", bytes: 1))
        expect(true, queue.append(0, of: "c", bytes: 250))
        #expect(queue.bytes == 1000)
        _ = queue.next()
        #expect(queue.bytes == 500)
        expect(true, queue.append(0, of: "a", bytes: 500))
    }

    /// Many turns, so that what was taken has to be forgotten on the way.
    @Test func keepsTheOrderOfEachOwner() {
        var queue = Queue(capacity: 4096, byteCapacity: 1 << 20)
        var next: [String: Int] = [:]
        var expected: [String: Int] = [:]
        for round in 0..<2000 {
            let owner = ["a", "b", "c"][round * 7 % 3]
            if queue.append(next[owner, default: 0] * 3 + round * 7 % 3, of: owner, bytes: 1) {
                next[owner, default: 0] += 1
            }
            if round % 3 != 0, let work = queue.next() {
                let owner = ["a", "b", "c"][work % 3]
                #expect(work / 3 == expected[owner, default: 0])
                expected[owner, default: 0] += 1
            }
        }
        let rest = all(&queue)
        #expect(rest.count == next.values.reduce(0, +) - expected.values.reduce(0, +))
    }
}

import HTTP2
import Testing

@Suite struct HeaderQueueTests {
    private let pool = HeaderListPool()

    @Test func keepsTheOrderOfEachStream() {
        var queue = HeaderQueue()
        let blocks = (0..<4).map { _ in pool.take() }
        for (block, stream) in zip(blocks, [1, 3, 1, 5] as [StreamID]) { queue.append(block, on: stream) }
        let taken = [3, 1, 1, 1].map { queue.take(on: $0) }
        #expect(taken == [blocks[1], blocks[0], blocks[2], nil])
        #expect(rest(of: &queue) == [blocks[3]])
    }

    /// The ring wraps around and grows, wherever its first element is.
    @Test(arguments: [0, 1, 15, 16, 17]) func growsWhereverItBegins(offset: Int) {
        var queue = HeaderQueue()
        let blocks = (0..<200).map { _ in pool.take() }
        for stream in 0..<StreamID(offset) {
            queue.append(blocks[0], on: stream)
            let taken = queue.take(on: stream)
            #expect(taken == blocks[0])
        }
        for (index, block) in blocks.enumerated() { queue.append(block, on: StreamID(index)) }
        // From the middle: the elements before it move up.
        let taken = (queue.take(on: 150), queue.take(on: 150))
        #expect(taken.0 == blocks[150] && taken.1 == nil)
        #expect(rest(of: &queue) == Array(blocks[..<150] + blocks[151...]))
    }

    @Test func goesOnWithoutRunningEmpty() {
        var queue = HeaderQueue()
        let blocks = (0..<100).map { _ in pool.take() }
        queue.append(blocks[0], on: 0)
        for stream in 1..<StreamID(10_000) {
            queue.append(blocks[Int(stream) % 100], on: stream)
            let taken = queue.take(on: stream - 1)
            #expect(taken == blocks[Int(stream - 1) % 100])
        }
        #expect(rest(of: &queue) == [blocks[99]])
    }

    @Test func cancelsOnce() {
        var queue = HeaderQueue()
        queue.append(pool.take(), on: 1)
        queue.append(pool.take(), on: 3)
        let cancelled = [3, 3, 5, 1].map { queue.cancel(on: $0) }
        #expect(cancelled == [false, true, false, false])
        let taken = queue.take(on: 3)
        #expect(taken != nil)
        let isCancelled = queue.cancel(on: 3)
        #expect(!isCancelled, "its HEADERS don't wait any more")
        _ = rest(of: &queue)
    }

    private func rest(of queue: inout HeaderQueue) -> [HeaderList] {
        var rest: [HeaderList] = []
        while !queue.isEmpty {
            guard let block = queue.takeAny() else { break }
            rest.append(block)
        }
        let isEmpty = queue.isEmpty && queue.takeAny() == nil
        #expect(isEmpty)
        return rest
    }
}

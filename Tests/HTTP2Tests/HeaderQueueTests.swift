import HTTP2
import Testing

@Suite struct HeaderQueueTests {
    private let pool = HeaderBlockPool()

    @Test func keepsTheOrderOfEachStream() {
        var queue = HeaderQueue()
        let blocks = (0..<4).map { _ in pool.take() }
        for (block, stream) in zip(blocks, [1, 3, 1, 5] as [StreamID]) { queue.append(block, on: stream) }
        #expect(queue.take(on: 3) == blocks[1])
        #expect(queue.take(on: 1) == blocks[0] && queue.take(on: 1) == blocks[2])
        #expect(queue.take(on: 1) == nil && !queue.isEmpty)
        #expect(queue.takeAny() == blocks[3] && queue.isEmpty && queue.takeAny() == nil)
    }

    /// Those taken are forgotten also where it never runs empty.
    @Test func goesOnWithoutRunningEmpty() {
        var queue = HeaderQueue()
        let blocks = (0..<100).map { _ in pool.take() }
        queue.append(blocks[0], on: 0)
        for stream in 1..<StreamID(10_000) {
            queue.append(blocks[Int(stream) % 100], on: stream)
            #expect(queue.take(on: stream - 1) == blocks[Int(stream - 1) % 100])
        }
        #expect(queue.entryCount < 100)
        #expect(queue.takeAny() == blocks[99] && queue.isEmpty)
    }
}

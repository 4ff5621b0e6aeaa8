import HTTP2
import Testing

@Suite struct ChunkPoolTests {
    private let pool = ChunkPool()

    private func capacity(expected: Int) -> Int {
        let chunk = pool.take(expected: expected)
        defer { pool.give(chunk) }
        return chunk.pointee.capacity
    }

    /// Most of a message's bytes fit, or the largest size is as good as any.
    @Test func chunksFitWhatIsExpected() {
        let (small, medium) = (512 - Chunk.headerSize, 6 * 1024 - Chunk.headerSize)
        let large = 16 * 1024
        #expect(capacity(expected: 0) == small && capacity(expected: small) == small)
        #expect(capacity(expected: small + 1) == medium && capacity(expected: medium) == medium)
        #expect(capacity(expected: medium + 1) == large && capacity(expected: 10 * large) == large)
    }

    @Test func countsWhatIsInUse() {
        #expect(pool.bytesInUse == 0)
        let chunks = [1, 1, 1_000, 100_000].map { pool.take(expected: $0) }
        var expected = chunks.reduce(0) { $0 + $1.pointee.capacity }
        #expect(pool.bytesInUse == expected)
        for chunk in chunks {
            expected -= chunk.pointee.capacity
            pool.give(chunk)
            #expect(pool.bytesInUse == expected)
        }
        #expect(pool.bytesInUse == 0)
    }

    /// However it was left, a chunk comes empty, and nobody else has it.
    @Test func chunksComeEmpty() {
        for expected in [1, 1_000, 100_000] {
            let chunks = (0..<3).map { _ in pool.take(expected: expected) }
            #expect(Set(chunks).count == 3)
            for chunk in chunks {
                chunk.pointee.filled = chunk.pointee.capacity
                pool.give(chunk)
            }
            let again = (0..<4).map { _ in pool.take(expected: expected) }
            #expect(Set(again).count == 4)
            for chunk in again {
                #expect(chunk.pointee.filled == 0 && chunk.pointee.next == nil)
                pool.give(chunk)
            }
        }
    }
}

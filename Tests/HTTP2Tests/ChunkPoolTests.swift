import HTTP2
import Testing

@Suite struct ChunkPoolTests {
    private let pool = ChunkPool()

    private func capacity(expected: Int) -> Int {
        let chunk = unsafe pool.take(expected: expected)
        defer { unsafe pool.give(chunk) }
        return unsafe chunk.pointee.capacity
    }

    /// A chunk holds most of the expected bytes, or is of the largest size.
    @Test func chunksFitWhatIsExpected() {
        let (small, medium) = (512 - Chunk.headerSize, 6 * 1024 - Chunk.headerSize)
        let large = 16 * 1024
        #expect(capacity(expected: 0) == small && capacity(expected: small) == small)
        #expect(capacity(expected: small + 1) == medium && capacity(expected: medium) == medium)
        #expect(capacity(expected: medium + 1) == large && capacity(expected: 10 * large) == large)
    }

    @Test func countsWhatIsInUse() {
        #expect(pool.bytesInUse == 0)
        let chunks = unsafe [1, 1, 1_000, 100_000].map { unsafe pool.take(expected: $0) }
        var expected = unsafe chunks.reduce(0) { unsafe $0 + $1.pointee.capacity }
        #expect(pool.bytesInUse == expected)
        for place in unsafe chunks.indices {
            let chunk = unsafe chunks[place]
            unsafe expected -= chunk.pointee.capacity
            unsafe pool.give(chunk)
            #expect(pool.bytesInUse == expected)
        }
        #expect(pool.bytesInUse == 0)
    }

    /// A chunk is empty and belongs to its taker alone, however it was returned.
    @Test func chunksComeEmpty() {
        for expected in [1, 1_000, 100_000] {
            let chunks = unsafe (0..<3).map { _ in unsafe pool.take(expected: expected) }
            unsafe #expect(Set(chunks).count == 3)
            for place in unsafe chunks.indices {
                let chunk = unsafe chunks[place]
                unsafe chunk.pointee.filled = chunk.pointee.capacity
                unsafe pool.give(chunk)
            }
            let again = unsafe (0..<4).map { _ in unsafe pool.take(expected: expected) }
            unsafe #expect(Set(again).count == 4)
            for place in unsafe again.indices {
                let chunk = unsafe again[place]
                unsafe #expect(chunk.pointee.filled == 0 && chunk.pointee.next == nil)
                unsafe pool.give(chunk)
            }
        }
    }
}

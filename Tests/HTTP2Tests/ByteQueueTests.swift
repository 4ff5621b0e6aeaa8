import HTTP2
import TestSupport
import Testing

@Suite struct ByteQueueTests {
    private let pool = ChunkPool()

    private func append(_ bytes: [UInt8], to queue: inout ByteQueue) {
        unsafe bytes.withUnsafeBytes { unsafe queue.append($0, from: pool) }
    }

    private func read(_ limit: Int, from queue: inout ByteQueue) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = unsafe queue.read(into: UnsafeMutableRawBufferPointer(buffer), pool: pool)
        }
    }

    @Test func givesBytesBackInOrder() {
        var queue = ByteQueue()
        append([1, 2, 3], to: &queue)
        append([4, 5], to: &queue)
        #expect(queue.count == 5)
        #expect(read(4, from: &queue) == [1, 2, 3, 4])
        #expect(read(4, from: &queue) == [5])
        #expect(queue.isEmpty)
        #expect(read(4, from: &queue) == [])
    }

    @Test func replaysWhatWasRead() {
        var queue = ByteQueue(keepsForReplay: true)
        append([1, 2, 3], to: &queue)
        #expect(read(2, from: &queue) == [1, 2])
        append([4], to: &queue)
        #expect(read(9, from: &queue) == [3, 4])
        #expect(queue.replayCount == 4)
        queue.rewind()
        append([5], to: &queue)
        #expect(queue.count == 5)
        #expect(read(9, from: &queue) == [1, 2, 3, 4, 5])
        queue.stopKeeping(to: pool)
        #expect(queue.replayCount == 0)
        append([6], to: &queue)
        #expect(read(9, from: &queue) == [6])
        queue.removeAll(to: pool)
    }

    /// Random operations, compared with an array.
    @Test(arguments: 1...20) func behavesLikeAnArray(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var keeps = Bool.random(using: &random)
        var queue = ByteQueue(keepsForReplay: keeps)
        var unread: [UInt8] = []
        var kept: [UInt8] = []
        var next: UInt8 = 0
        for _ in 0..<400 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<9:
                let count = Bool.random(using: &random) ? Int.random(in: 0...700, using: &random) : 40_000
                let bytes = (0..<count).map { _ -> UInt8 in
                    next &+= 1
                    return next
                }
                append(bytes, to: &queue)
                unread += bytes
            case 9..<18:
                let limit = Int.random(in: 1...30_000, using: &random)
                let expected = Array(unread.prefix(limit))
                #expect(read(limit, from: &queue) == expected)
                unread.removeFirst(expected.count)
                if keeps { kept += expected }
            case 18 where keeps:
                queue.rewind()
                unread = kept + unread
                kept = []
            case 19 where keeps && Int.random(in: 0..<10, using: &random) == 0:
                queue.stopKeeping(to: pool)
                keeps = false
                kept = []
            default:
                break
            }
            #expect(queue.count == unread.count)
            #expect(queue.replayCount == kept.count)
        }
        queue.removeAll(to: pool)
        #expect(queue.isEmpty)
    }
}

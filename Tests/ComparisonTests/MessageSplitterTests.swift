import Comparison
import TestSupport
import Testing

@Suite("Message splitter") struct MessageSplitterTests {
    static func framed(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + UInt32(bytes.count).littleEndianBytes.reversed() + bytes
    }

    private func split(_ body: [UInt8], by sizes: (Int) -> Int, limit: Int = 1 << 20) -> Answer {
        var splitter = MessageSplitter(limit: limit)
        var (place, step) = (0, 0)
        while place < body.count {
            let end = min(body.count, place + max(1, sizes(step)))
            unsafe body[place..<end].withUnsafeBytes { unsafe splitter.add($0) }
            (place, step) = (end, step + 1)
        }
        return splitter.answer(status: 0, encoding: .identity)
    }

    @Test("The same messages come out, however their bytes arrive")
    func pieces() {
        let messages: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 300), []]
        let body = messages.enumerated().flatMap { Self.framed($1, flag: $0 == 1 ? 1 : 0) }
        let wanted = messages.enumerated().map { FramedMessage(isCompressed: $0 == 1, bytes: $1) }
        for size in [1, 2, 3, 5, 7, 100, 10_000] {
            let answer = split(body, by: { _ in size })
            #expect(answer.messages == wanted && answer.flaw == nil, "\(size)")
        }
        var random = SplitMix(seed: 5)
        for _ in 0..<100 {
            #expect(split(body, by: { _ in Int.random(in: 1...50, using: &random) }).messages == wanted)
        }
    }

    @Test("A body that ends within a message is truncated", arguments: 1..<8)
    func truncated(missing: Int) {
        let answer = split(Array((Self.framed([1]) + Self.framed([2, 3, 4])).dropLast(missing)), by: { _ in 4 })
        #expect(answer.flaw == .truncated && answer.messages.map(\.bytes) == [[1]])
    }

    @Test("A flag is 0 or 1")
    func flag() {
        let answer = split(Self.framed([1]) + Self.framed([2], flag: 2) + Self.framed([3]), by: { _ in 100 })
        #expect(answer.flaw == .badFlag && answer.messages.count == 1)
        #expect(split(Array("HTTP/1.1 500".utf8), by: { _ in 100 }).flaw == .badFlag)
    }

    @Test("What the messages may take together is bounded, empty ones included")
    func limit() {
        let body = Self.framed([UInt8](repeating: 1, count: 36))
        #expect(split(body + body, by: { _ in 9 }, limit: 200).flaw == nil)
        #expect(split(body + body, by: { _ in 9 }, limit: 199).flaw == .tooLarge)
        let empty = [UInt8](repeating: 0, count: 5 * 101)
        #expect(split(empty, by: { _ in 9 }, limit: 6400).messages.count == 100)
        #expect(split([0, 0xFF, 0xFF, 0xFF, 0xFF, 1], by: { _ in 1 }).flaw == .tooLarge)
    }
}

import Comparison
import TestSupport
import Testing

@Suite("Framing") struct FramingTests {
    static func framed(_ bytes: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        [flag] + UInt32(bytes.count).littleEndianBytes.reversed() + bytes
    }

    private func split(_ body: [UInt8]) -> Answer { Answer(status: 0, body: body) }

    @Test("Messages come out as they went in")
    func messages() {
        let messages: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 70_000), []]
        let answer = split(messages.enumerated().flatMap { Self.framed($1, flag: $0 == 1 ? 1 : 0) })
        #expect(answer.messages == messages && answer.flaw == nil)
        #expect(split([]).messages.isEmpty && split([]).flaw == nil)
    }

    @Test("A body that ends within a message is truncated", arguments: 1..<8)
    func truncated(missing: Int) {
        let answer = split(Array((Self.framed([1]) + Self.framed([2, 3, 4])).dropLast(missing)))
        #expect(answer.flaw == .truncated && answer.messages == [[1]])
    }

    @Test("A flag is 0 or 1")
    func flag() {
        let answer = split(Self.framed([1]) + Self.framed([2], flag: 2) + Self.framed([3]))
        #expect(answer.flaw == .badFlag && answer.messages.count == 1)
        #expect(split(Array("HTTP/1.1 500".utf8)).flaw == .badFlag)
        #expect(split([2]).flaw == .badFlag)
    }

    @Test("An announced length takes no memory")
    func length() {
        #expect(split([0, 0xFF, 0xFF, 0xFF, 0xFF, 1]).flaw == .truncated)
    }
}

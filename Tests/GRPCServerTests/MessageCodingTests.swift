import GRPCServer
import TestSupport
import Testing

@Suite struct MessageCodingTests {
    @Test(arguments: MessageCoding.allCases)
    func whatIsCompressedComesOut(coding: MessageCoding) throws {
        var random = SplitMix(seed: 1)
        for count in [0, 1, 100, 70_000] {
            let message = (0..<count).map { _ in UInt8.random(in: 0...3, using: &random) }
            #expect(try coding.decompress(coding.compress(message), most: count) == message)
        }
    }

    @Test(arguments: [MessageCoding.gzip, .deflate])
    func noMoreComesOutThanAMessageMayHave(coding: MessageCoding) {
        let bomb = coding.compress([UInt8](repeating: 0, count: 10_000_000))
        #expect(bomb.count < 20_000)
        #expect(throws: MessageCoding.Flaw.tooLong) { try coding.decompress(bomb, most: 9_999_999) }
    }

    @Test(arguments: [MessageCoding.gzip, .deflate])
    func damageIsRefused(coding: MessageCoding) {
        let bytes = coding.compress(Array("a message that is compressed, and then damaged".utf8))
        #expect(throws: MessageCoding.Flaw.damaged) { try coding.decompress(Array(bytes.dropLast()), most: 100) }
        #expect(throws: MessageCoding.Flaw.damaged) { try coding.decompress(bytes + [0], most: 100) }
        #expect(throws: MessageCoding.Flaw.damaged) { try coding.decompress([], most: 100) }
        for place in bytes.indices {
            var damaged = bytes
            damaged[place] ^= 0x20
            _ = try? coding.decompress(damaged, most: 100)
        }
    }
}

import DataPlane
import Testing

@Suite struct FirstMessageTests {
    private func first(_ bytes: [UInt8]) -> FirstMessage {
        unsafe bytes.withUnsafeBytes { unsafe FirstMessage($0) }
    }

    @Test func knowsTheOnlyMessage() {
        #expect(first([0, 0, 0, 0, 0]).isOnly(of: 5))
        let one = first([1, 0, 0, 1, 2, 7, 7])
        #expect(one.isOnly(of: 5 + 258))
        #expect(!one.isOnly(of: 5 + 257) && !one.isOnly(of: 5 + 259), "it was cut short, or another one came")
        #expect(first([0, 1, 0, 0, 0]).isOnly(of: 5 + 1 << 24))
    }

    @Test func aDirectionWithoutBytesHasNone() {
        #expect(!FirstMessage().isOnly(of: 0) && !FirstMessage().isOnly(of: 5))
    }

    @Test(arguments: 1...4) func doesNotReadAPrefixInPieces(count: Int) {
        let piece = first([UInt8](repeating: 0, count: count))
        #expect((0...20).allSatisfy { !piece.isOnly(of: $0) })
    }

    /// A length that only a malformed request claims.
    @Test(arguments: UInt8(0xfa)...0xff) func aLengthThatDoesNotFitIsNoDirections(last: UInt8) {
        let huge = first([0, 0xff, 0xff, 0xff, last])
        let length = 5 + 0xffff_ff00 + Int(last)
        #expect((5...20).allSatisfy { !huge.isOnly(of: $0) } && huge.isOnly(of: length) == (length <= Int(UInt32.max)))
    }
}

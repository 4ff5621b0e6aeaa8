import GRPCServer
import TestSupport
import Testing

@Suite struct MessageAssemblerTests {
    private func framed(_ message: [UInt8], isCompressed: Bool = false) -> [UInt8] {
        let prefix = MessageAssembler.prefix(isCompressed: isCompressed, length: message.count)
        return prefix.indices.map { prefix[$0] } + message
    }

    /// Feeds bytes in pieces of a size.
    private func messages(
        _ bytes: [UInt8], pieces: Int, most: Int = 100
    ) throws(MessageAssembler.Flaw) -> [[UInt8]] {
        var assembler = MessageAssembler(most: most)
        var messages: [[UInt8]] = []
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(start + pieces, bytes.count)])
            let result = unsafe piece.withUnsafeBytes { piece in
                Result { () throws(MessageAssembler.Flaw) in
                    var rest = unsafe piece
                    var found: [[UInt8]] = []
                    while let message = try unsafe assembler.next(&rest) { found.append(message.bytes) }
                    return found
                }
            }
            messages += try result.get()
        }
        return messages
    }

    @Test func takesMessagesInPiecesOfAnySize() throws {
        let all: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 7, count: 100), [9]]
        let bytes = all.flatMap { framed($0) }
        for pieces in [1, 2, 3, 5, 7, 64, bytes.count] {
            #expect(try messages(bytes, pieces: pieces) == all, "\(pieces)")
        }
    }

    @Test func refusesALengthBeforeItsBytesHaveCome() {
        let error = #expect(throws: MessageAssembler.Flaw.self) {
            try messages([0, 0xff, 0xff, 0xff, 0xff], pieces: 5)
        }
        #expect(error == .tooLong(0xffff_ffff))
        #expect(throws: MessageAssembler.Flaw.tooLong(101)) {
            try messages(framed([UInt8](repeating: 0, count: 101)), pieces: 200)
        }
    }

    @Test func refusesAnUnknownFlag() {
        #expect(throws: MessageAssembler.Flaw.unknownFlag(2)) { try messages([2, 0, 0, 0, 0], pieces: 1) }
    }

    @Test func tellsWhatItHolds() throws {
        var assembler = MessageAssembler(most: 100)
        let bytes = framed([1, 2, 3], isCompressed: true)
        try unsafe bytes.prefix(7).withUnsafeBytes { piece in
            var rest = unsafe piece
            let message = try unsafe assembler.next(&rest)
            #expect(message == nil)
        }
        let (held, isWithin) = (assembler.held, assembler.isWithinMessage)
        #expect(held == 2 && isWithin)
        try unsafe bytes.dropFirst(7).withUnsafeBytes { piece in
            var rest = unsafe piece
            let message = try unsafe assembler.next(&rest)
            #expect(message?.isCompressed == true && message?.bytes == [1, 2, 3])
        }
        let (heldAfter, isStillWithin) = (assembler.held, assembler.isWithinMessage)
        #expect(heldAfter == 0 && !isStillWithin)
    }
}

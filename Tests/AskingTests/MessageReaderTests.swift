import Asking
import Testing

@Suite struct MessageReaderTests {
    private static let largest = 4096

    private func read(_ pieces: [[UInt8]]) throws -> [[UInt8]] {
        var reader = MessageReader(largest: Self.largest)
        var found: [[UInt8]] = []
        for piece in pieces {
            found += try unsafe piece.withUnsafeBytes { try unsafe reader.messages(adding: $0) }
        }
        return found
    }

    @Test func takesMessagesHoweverTheyArrive() throws {
        let messages: [[UInt8]] = [[1, 2, 3], [], [4]]
        let bytes = messages.flatMap { MessageReader.framed($0) }
        #expect(try read([bytes]) == messages)
        #expect(try read(bytes.map { [$0] }) == messages)
        #expect(try read([Array(bytes.dropLast())]) == Array(messages.dropLast()))
    }

    @Test func refusesWhatIsTooLongOrCompressed() throws {
        let most = [UInt8](repeating: 0, count: Self.largest)
        #expect(try read([MessageReader.framed(most)]) == [most])
        #expect(throws: MessageReader.Flaw.tooLong) { try read([MessageReader.framed(most + [0])]) }
        #expect(throws: MessageReader.Flaw.tooLong) { try read([[0, 0xff, 0xff, 0xff, 0xff]]) }
        #expect(throws: MessageReader.Flaw.compressed) { try read([[1, 0, 0, 0, 0]]) }
    }
}

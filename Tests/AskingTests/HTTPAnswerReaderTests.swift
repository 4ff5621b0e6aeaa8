import Asking
import Testing

@Suite struct HTTPAnswerReaderTests {
    private static let most = 20

    /// Reads an answer that arrives in pieces; `nil` if it isn't complete.
    private func read(_ pieces: [String], atEnd: Bool = false, largestBody: Int? = most) throws -> HTTPAnswer? {
        var reader = HTTPAnswerReader(largestBody: largestBody)
        for piece in pieces {
            let answer = try unsafe Array(piece.utf8).withUnsafeBytes { try unsafe reader.answer(adding: $0) }
            if let answer { return answer }
        }
        return atEnd ? try reader.answerAtEnd() : nil
    }

    private func body(_ text: String, atEnd: Bool = false) throws -> String? {
        // However it arrives, it is the same.
        let whole = try read([text], atEnd: atEnd)
        #expect(try read(text.map { String($0) }, atEnd: atEnd) == whole)
        return whole.map { String(decoding: $0.body, as: UTF8.self) }
    }

    @Test func readsABodyByItsLength() throws {
        #expect(try body("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") == "hello")
        #expect(try body("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") == "")
        #expect(try body("HTTP/1.1 200 OK\ncontent-length: 2\n\nok") == "ok")
        #expect(try body("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell") == nil)
    }

    @Test func readsABodyInChunks() throws {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(try body(head + "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n") == "hello world")
        #expect(try body(head + "5\r\nhello\r\n") == nil)
        #expect(throws: HTTPAnswerReader.Flaw.notHTTP) { try read([head + "x\r\n"]) }
        #expect(throws: HTTPAnswerReader.Flaw.notHTTP) { try read([head + "2\r\nhello\r\n"]) }
        #expect(throws: HTTPAnswerReader.Flaw.notHTTP) { try read([head + "-1\r\n"]) }
        #expect(throws: HTTPAnswerReader.Flaw.tooLong(most: Self.most)) { try read([head + "7fffffff\r\n"]) }
    }

    @Test func readsABodyToTheEnd() throws {
        let text = "HTTP/1.0 200 OK\r\nserver: x\r\n\r\nhello"
        #expect(try body(text) == nil)
        #expect(try body(text, atEnd: true) == "hello")
        #expect(throws: HTTPAnswerReader.Flaw.cutShort) {
            try read(["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"], atEnd: true)
        }
        #expect(throws: HTTPAnswerReader.Flaw.cutShort) { try read(["HTTP/1.1 200 OK\r\n"], atEnd: true) }
    }

    @Test func waitsForNoBodyThatDoesNotCome() throws {
        #expect(try read(["HTTP/1.1 204 No Content\r\n\r\n"]) == HTTPAnswer(status: 204))
        #expect(try read(["HTTP/1.1 503 Busy\r\n"], largestBody: nil) == HTTPAnswer(status: 503))
    }

    @Test func refusesWhatIsTooLongOrNoHTTP() throws {
        #expect(throws: HTTPAnswerReader.Flaw.tooLong(most: Self.most)) {
            try read(["HTTP/1.1 200 OK\r\ncontent-length: 21\r\n\r\n"])
        }
        #expect(throws: HTTPAnswerReader.Flaw.tooLong(most: Self.most)) {
            try read(["HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 21)])
        }
        #expect(throws: HTTPAnswerReader.Flaw.tooLong(most: 16_384)) {
            try read(["HTTP/1.1 200 OK\r\na: " + String(repeating: "x", count: 17_000)])
        }
        #expect(throws: HTTPAnswerReader.Flaw.notHTTP) { try read([String(repeating: "x", count: 1025)]) }
        #expect(throws: HTTPAnswerReader.Flaw.notHTTP) { try read(["SSH-2.0-OpenSSH\r\n"]) }
        #expect(throws: HTTPAnswerReader.Flaw.notHTTP) { try read(["HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]) }
    }
}

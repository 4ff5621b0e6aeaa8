import Asking
import HTTP2
import Serving
import Testing

@Suite struct CallSessionTests {
    private let server = ServingSession()
    private let session = CallSession(
        Contact(host: "h", port: 1, connectTimeout: .seconds(1), requestTimeout: .seconds(1), userAgent: "test"))

    private final class Heard<Item> {
        var items: [Item] = []
    }

    /// Makes a call, which the server answers as told.
    private func answer(to call: UnaryCall, _ answer: (ServedStream) -> Void) throws -> [UnaryCall.Answer] {
        let heard = Heard<UnaryCall.Answer>()
        session.make(call) { heard.items.append($0) }
        try server.exchange(with: session)
        answer(try #require(server.streams.last))
        try server.exchange(with: session)
        return heard.items
    }

    @Test func makesACall() throws {
        let call = UnaryCall("/a.B/C", message: [1, 2])
        #expect(try answer(to: call) { server.answer($0, message: [7], status: 0) } == [.message([7])])
        #expect(server.streams.last?.path == "/a.B/C")
        #expect(server.streams.last?.request == [0, 0, 0, 0, 2, 1, 2])
        #expect(try answer(to: call) { server.refuse($0, status: 12) } == [.refused(status: 12, message: nil)])
        #expect(
            try answer(to: call) { server.answer($0, status: 0) } == [.failed(reason: "the response has no message")])
    }

    @Test func takesAnAnswerOfMegabytesAndNoMore() throws {
        let most = [UInt8](repeating: 5, count: 4 << 20)
        let call = UnaryCall("/a.B/C")
        #expect(try answer(to: call) { server.answer($0, message: most, status: 0) } == [.message(most)])
        #expect(
            try answer(to: call) { server.answer($0, message: most + [5], status: 0) }
                == [.failed(reason: "the response has more than 4194304 bytes")])
    }

    @Test func sendsMessagesOneAfterTheOther() throws {
        let heard = Heard<CallStream.Event>()
        let stream = try session.open("/a.B/C", largestAnswer: 10) { heard.items.append($0) }
        try server.exchange(with: session)
        let served = try #require(server.streams.last)
        #expect(served.request == [])
        for number in 1...3 as ClosedRange<UInt8> {
            session.send([number], on: stream)
            try server.exchange(with: session)
            #expect(served.request.suffix(6) == [0, 0, 0, 0, 1, number])
            server.answer(served, message: [10 * number])
            try server.exchange(with: session)
            #expect(heard.items.last == .message([10 * number]))
        }
        #expect(!served.hasEnded)
        session.endMessages(on: stream)
        try server.exchange(with: session)
        #expect(served.hasEnded)
        server.answer(served, status: 0)
        try server.exchange(with: session)
        #expect(heard.items.last == .ended(status: 0, message: nil))
        // What is said to a call that is over is lost.
        session.send([1], on: stream)
        try server.exchange(with: session)
        #expect(heard.items.count == 4)
    }

    @Test func givesUpWhatIsNotOver() throws {
        let heard = Heard<UnaryCall.Answer>()
        for path in ["/a.B/C", "/a.B/D"] { session.make(UnaryCall(path)) { heard.items.append($0) } }
        let exchange = CallExchange(session) { heard.items.count == 2 }
        try server.exchange(with: session)
        server.answer(server.streams[0], message: [1], status: 0)
        try server.exchange(with: session)
        #expect(!exchange.isOver)
        exchange.fail("no answer within 3 s")
        #expect(exchange.isOver)
        #expect(heard.items == [.message([1]), .failed(reason: "no answer within 3 s")])
    }
}

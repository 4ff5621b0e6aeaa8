import Ground
import DataPlane
import EventLoop
import Foundation
import HTTP2
import TestSupport
import Testing

@Suite struct ProxyAnswerTests {
    @Test func answersGRPCWithTrailersOnly() {
        let block = HeaderList()
        ProxyAnswer(kind: .unreachable, message: "blue can't be reached").writeTrailersOnly(to: block)
        #expect(
            block.list.map { "\($0.name): \($0.value)" } == [
                ":status: 200", "content-type: application/grpc", "grpc-status: 14",
                "grpc-message: blue can't be reached",
            ])
    }

    @Test func asksClientsToComeBackLater() {
        let block = HeaderList()
        ProxyAnswer(kind: .draining, message: "x", retryPushback: .milliseconds(1234)).writeTrailers(to: block)
        #expect(block.list.contains { $0.name == "grpc-retry-pushback-ms" && $0.value == "1234" })
    }

    /// Clients whose calls all end at once must not all come back at once.
    @Test func spreadsRetriesOverTime() {
        var random = SplitMix(seed: 1)
        let waits = (0..<2_000).compactMap { _ in
            ProxyAnswer.ended(.draining, "x", using: &random).retryPushback?.clampedNanoseconds
        }
        let most = ProxyAnswer.mostPushback.clampedNanoseconds
        #expect(waits.count == 2_000 && waits.allSatisfy { $0 <= most && $0 % 1_000_000 == 0 })
        for tenth in 0..<10 {
            let range = most / 10 * UInt64(tenth)..<most / 10 * UInt64(tenth + 1)
            #expect((130...270).contains(waits.count { range.contains($0) }))
        }
    }

    @Test func answersOthersWithAStatus() {
        let statuses = [503, 504, 502, 502, 504, 504, 503, 503, 431, 400, 502, 400, 501, 503, 503, 503, 504]
        #expect(ProxyAnswer.Kind.allCases.map { ProxyAnswer(kind: $0, message: "").httpStatus } == statuses)
    }

    @Test func concealsUpstreamDetails() {
        var answer = ProxyAnswer(
            kind: .lost, message: "blue (10.1.2.3:50051) was lost during the call: write: broken pipe")
        answer.conceal(.blue, id: "c0ffee")
        #expect(answer.clientMessage == "blue was lost during the call (lost, c0ffee)")
        #expect(answer.message.contains("10.1.2.3"))
        #expect(answer.id == "c0ffee")
        let block = HeaderList()
        answer.writeTrailersOnly(to: block)
        #expect(block.list.last?.value == "blue was lost during the call (lost, c0ffee)")
        #expect(answer.body == "blue was lost during the call (lost, c0ffee)\n")
    }

    @Test func concealsNothingElse() {
        var answer = ProxyAnswer(kind: .draining, message: "blue is being drained")
        answer.conceal(.blue, id: "c0ffee")
        #expect(answer.clientMessage == "blue is being drained" && answer.id == nil)
    }

    /// In gRPC-Web, trailers are a frame at the end of the body.
    @Test func answersGRPCWebInTheBody() {
        let answer = ProxyAnswer(kind: .draining, message: "x", retryPushback: .milliseconds(7))
        let text = "grpc-status: 14\r\ngrpc-message: x\r\ngrpc-retry-pushback-ms: 7\r\n"
        let frame = [0x80, 0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8)
        #expect(answer.webBody(isText: false) == frame)
        #expect(String(decoding: answer.webBody(isText: true), as: UTF8.self) == Data(frame).base64EncodedString())
        let block = HeaderList()
        answer.writeWebResponse(to: block, contentType: "application/grpc-web+proto")
        #expect(
            block.list.map { "\($0.name): \($0.value)" } == [
                ":status: 200", "content-type: application/grpc-web+proto",
            ])
    }

    @Test(arguments: ["", "a", "ab", "abc", "abcd"])
    func encodesBase64OfEveryLength(message: String) {
        let answer = ProxyAnswer(kind: .draining, message: message)
        let text = String(decoding: answer.webBody(isText: true), as: UTF8.self)
        #expect(Data(base64Encoded: text).map { Array($0) } == answer.webBody(isText: false))
    }

    @Test(arguments: [
        ("plain ~ text", "plain ~ text"), ("100%", "100%25"), ("a\nb", "a%0Ab"), ("é", "%C3%A9"), ("\u{7f}", "%7F"),
    ])
    func encodesMessages(text: String, encoded: String) {
        #expect(PercentCoding.encoded(text) == encoded)
    }
}

import DataPlane
import HTTP2
import Testing

@Suite struct FailureTests {
    @Test func answersGRPCWithTrailersOnly() {
        let block = HeaderBlock()
        Failure(kind: .unreachable, message: "blue can't be reached").writeTrailersOnly(to: block)
        #expect(
            block.list.map { "\($0.name): \($0.value)" } == [
                ":status: 200", "content-type: application/grpc", "grpc-status: 14",
                "grpc-message: blue can't be reached",
            ])
    }

    @Test func asksClientsToComeBackLater() {
        let block = HeaderBlock()
        Failure(kind: .draining, message: "x", retryPushback: .milliseconds(1234)).writeTrailers(to: block)
        #expect(block.list.contains { $0.name == "grpc-retry-pushback-ms" && $0.value == "1234" })
    }

    @Test func answersOthersWithAStatus() {
        let statuses = [503, 504, 502, 502, 504, 504, 503, 503, 431, 400, 502, 501, 503, 503]
        #expect(Failure.Kind.allCases.map { Failure(kind: $0, message: "").httpStatus } == statuses)
    }

    @Test(arguments: [
        ("plain ~ text", "plain ~ text"), ("100%", "100%25"), ("a\nb", "a%0Ab"), ("é", "%C3%A9"), ("\u{7f}", "%7F"),
    ])
    func encodesMessages(text: String, encoded: String) {
        #expect(Failure.percentEncoded(text) == encoded)
    }
}

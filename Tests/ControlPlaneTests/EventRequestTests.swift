import ControlPlane
import Ground
import TestSupport
import Testing

/// How events are signed, and what follows from an answer.
@Suite struct EventRequestTests {
    /// RFC 4231, test cases 1, 2, 3 and 6.
    @Test func codesAsTheRFCDoes() {
        func code(_ key: [UInt8], _ text: String) -> String { EventKey.code(Array(text.utf8), key: key) }
        #expect(
            code([UInt8](repeating: 0x0b, count: 20), "Hi There")
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(
            code(Array("Jefe".utf8), "what do ya want for nothing?")
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            EventKey.code([UInt8](repeating: 0xdd, count: 50), key: [UInt8](repeating: 0xaa, count: 20))
                == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe")
        #expect(
            code([UInt8](repeating: 0xaa, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First")
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func takesAKeyWithoutTheNewlineAtItsEnd() {
        let key = Array("0123456789abcdef".utf8)
        #expect(EventKey(key) != nil)
        #expect(EventKey(key + Array("\r\n".utf8)) == EventKey(key))
        #expect(EventKey(key + Array(" ".utf8)) != EventKey(key))
        #expect(EventKey(key.dropLast()) == nil)
        #expect(EventKey(key.dropLast() + Array("\n".utf8)) == nil)
        #expect(EventKey([UInt8](repeating: 1, count: 4097)) == nil)
        #expect(EventKey([]) == nil)
    }

    @Test func signsTimeIDNumberAndBody() throws {
        var queue = EventQueue(limit: 10, proxy: "host:1", makeID: { "abc" })
        _ = queue.add(EventQueueTests.draft(1))
        let event = try #require(queue.waiting.first)
        let secret = Array("a secret of some length".utf8)
        let request = EventRequest(
            event, key: EventKey(secret), version: "1.2.3", now: Timestamp(milliseconds: 1_700_000_000_999))
        let message = Array("1700000000.abc.1.".utf8) + event.body
        #expect(
            request.fields.map { "\($0.name): \($0.value)" } == [
                "content-type: application/json", "user-agent: sluice/1.2.3", "sluice-event-id: abc",
                "sluice-event-sequence: 1", "sluice-event-time: 1700000000",
                "sluice-signature: v1=\(EventKey.code(message, key: secret))",
            ])
        #expect(request.body == event.body)
        let unsigned = EventRequest(event, key: nil, version: "1.2.3", now: Timestamp(milliseconds: 0))
        #expect(!unsigned.fields.contains { $0.name == "sluice-signature" })
    }

    @Test func judgesAnswers() {
        func verdicts(_ statuses: [Int]) -> Set<EventAnswer.Verdict> {
            Set(statuses.map { EventAnswer(status: $0).verdict })
        }
        #expect(verdicts([200, 201, 202, 204, 299]) == [.delivered])
        #expect(verdicts([400, 401, 403, 404, 405, 409, 410, 413, 422, 499]) == [.refused])
        #expect(verdicts([408, 429, 500, 502, 503, 504, 599]) == [.later])
        // A redirect is not followed, and concerns all events.
        #expect(verdicts([300, 301, 302, 303, 307, 308]) == [.later])
    }

    @Test func pausesLongerAndLonger() {
        var random = SplitMix(seed: 1)
        var retry = EventRetry()
        let pauses = (0..<12).map { _ in retry.failed(retryAfter: nil, using: &random) }
        for (index, pause) in pauses.enumerated() {
            let nominal = min(.seconds(25), .milliseconds(500) * (1 << index))
            #expect((nominal * 0.8...nominal * 1.2).contains(pause))
        }
        #expect(pauses.allSatisfy { $0 <= .seconds(30) })
        #expect(Set(pauses[6...]).count > 1, "jitter")
        #expect(retry.failures == 12)
        retry.succeeded()
        #expect(retry.failed(retryAfter: nil, using: &random) <= .milliseconds(600))
    }

    @Test func pausesAsLongAsItIsAskedToWithinBounds() {
        var random = SplitMix(seed: 1)
        var retry = EventRetry()
        #expect(retry.failed(retryAfter: 60, using: &random) == .seconds(60))
        #expect(retry.failed(retryAfter: 86_400, using: &random) == .seconds(300))
        #expect(retry.failed(retryAfter: .max, using: &random) == .seconds(300))
        // It can't be had sooner.
        for retryAfter in [0, -1, 1] {
            #expect(retry.failed(retryAfter: retryAfter, using: &random) >= .milliseconds(800))
        }
    }
}

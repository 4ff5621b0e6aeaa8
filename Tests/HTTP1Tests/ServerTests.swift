import HTTP1
import HTTPTypes
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing

/// A server on a free port that echoes bodies, and holds requests to `/wait` until it is told to answer.
private final class ServerBench: Sendable {
    private struct Waiting {
        var isOpen = false
        var count = 0
        var continuations: [Int: CheckedContinuation<Void, Never>] = [:]
        var cancelled = 0
    }

    private let waiting = Mutex(Waiting())
    private let made = Mutex<(server: Server, channel: any Channel)?>(nil)

    init(_ change: (inout ServerLimits) -> Void = { _ in }) async throws {
        var limits = ServerLimits(bodyBytes: 1000, bytesInFlight: 4000)
        change(&limits)
        let server = Server(
            limits: limits, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            isLiveness: { $0.path == "/live" }, respond: { await self.respond($0) })
        let channel = try await server.open(host: "127.0.0.1", port: 0)
        made.withLock { $0 = (server, channel) }
    }

    var server: Server { made.withLock { $0!.server } }
    var port: Int { made.withLock { $0!.channel.localAddress!.port! } }

    func connect() async throws -> TestClient { try await TestClient(port: port) }

    private func respond(_ request: Request) async -> Response {
        if request.path == "/wait" {
            let number = waiting.withLock { waiting in
                waiting.count += 1
                return waiting.count
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let waits = waiting.withLock { waiting in
                        guard !waiting.isOpen, !Task.isCancelled else { return false }
                        waiting.continuations[number] = continuation
                        return true
                    }
                    if !waits { continuation.resume() }
                }
            } onCancel: {
                let continuation = waiting.withLock { waiting in
                    waiting.cancelled += 1
                    return waiting.continuations.removeValue(forKey: number)
                }
                continuation?.resume()
            }
        }
        let text = "\(request.method) \(request.path) \(String(buffer: request.body))"
        return Response(status: .ok, body: ByteBuffer(string: text))
    }

    var waitingCount: Int { waiting.withLock { $0.continuations.count } }
    var cancelledCount: Int { waiting.withLock { $0.cancelled } }

    /// Answers the requests to `/wait`, held and future ones.
    func letGo() {
        let continuations = waiting.withLock { waiting in
            waiting.isOpen = true
            defer { waiting.continuations = [:] }
            return waiting.continuations.values
        }
        for continuation in continuations { continuation.resume() }
    }

    func end() async {
        made.withLock { $0!.channel }.close(promise: nil)
        letGo()
        server.stop()
        await server.untilEmpty()
    }
}

private final class Flag: Sendable {
    private let state = Mutex(false)

    var isSet: Bool { state.withLock { $0 } }

    func set() { state.withLock { $0 = true } }
}

@Suite struct ServerTests {
    @Test func answersOneRequestAfterTheOther() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.get("/a")
        #expect(await eventually { client.text.hasSuffix("\r\n\r\nGET /a ") })
        #expect(client.text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nDate: "))
        client.send("POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
        #expect(await eventually { client.text.hasSuffix("POST /b hello") })
        client.send(
            "POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        #expect(await eventually { client.text.hasSuffix("POST /c abcde") })
        client.send("HEAD /d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(await client.wholeText().hasSuffix("\r\n\r\n"))
        #expect(client.text.contains("Connection: close\r\nContent-Length: 8\r\n"))
        await bench.end()
    }

    @Test func answersRequestsThatComeTogetherInTheirOrder() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.send((0..<8).map { "GET /\($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined())
        #expect(await eventually { client.text.hasSuffix("GET /7 ") })
        let answers = client.text.matches(of: /GET \/(\d)/).map { String($0.1) }
        #expect(answers == (0..<8).map(String.init))
        await bench.end()
    }

    /// Requests that can't be kept are not lost silently: the last answer says that the connection closes.
    @Test func keepsFewRequestsThatComeTogether() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.send(String(repeating: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 1000))
        let text = await client.wholeText()
        let answers = text.matches(of: /HTTP\/1.1 200 OK/).count
        #expect(answers > 1 && answers <= 200)
        #expect(text.matches(of: /Connection: close/).count == 1)
        await bench.end()
    }

    @Test func answersAClientThatHasClosedItsSide() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.get("/wait")
        #expect(await eventually { bench.waitingCount == 1 })
        client.closeOutput()
        try await Task.sleep(for: .milliseconds(20))
        bench.letGo()
        #expect(await client.wholeText().hasSuffix("GET /wait "))
        await bench.end()
    }

    @Test func clientsOfHTTP10() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(await eventually { client.text.hasSuffix("GET /a ") })
        #expect(client.text.contains("Connection: keep-alive\r\n"))
        client.send("GET /b HTTP/1.0\r\n\r\n")
        #expect(await client.wholeText().hasSuffix("GET /b "))
        await bench.end()
    }

    @Test(
        arguments: [
            ("no request at all\r\n\r\n", "400"), ("GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"),
            ("GET / HTTP/1.1\r\nHost: x\r\nA: \(String(repeating: "a", count: 20_000))\r\n\r\n", "431"),
            ("GET / HTTP/1.1\r\nHost: x\r\n\(String(repeating: "A: b\r\n", count: 200))\r\n", "431"),
        ]) func refusesWhatIsNoRequest(text: String, status: String) async throws
    {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.send(text)
        #expect(await client.wholeText().hasPrefix("HTTP/1.1 \(status) "))
        await bench.end()
    }

    // MARK: Room

    @Test func theLongestUnfinishedRequestMakesRoom() async throws {
        let bench = try await ServerBench { $0.connections = 3 }
        var clients: [TestClient] = []
        for number in 0..<3 {
            clients.append(try await bench.connect())
            clients[number].send("GET / HT")
            try await Task.sleep(for: .milliseconds(20))
        }
        let fourth = try await bench.connect()
        let first = clients[0]
        #expect(await eventually { first.hasEnded })
        #expect(!clients[1].hasEnded && !clients[2].hasEnded)
        fourth.get("/a")
        #expect(await eventually { fourth.text.hasSuffix("GET /a ") })
        await bench.end()
    }

    @Test func livenessProbesHaveReservedPlaces() async throws {
        let bench = try await ServerBench {
            $0.connections = 2
            $0.reserve = 1
            $0.reserveTimeout = .seconds(2)
        }
        let busy = [try await bench.connect(), try await bench.connect()]
        for client in busy { client.get("/wait") }
        #expect(await eventually { bench.waitingCount == 2 })
        let other = try await bench.connect()
        other.get("/other")
        #expect(await other.wholeText().hasPrefix("HTTP/1.1 503 "))
        let probe = try await bench.connect()
        probe.get("/live")
        let answer = await probe.wholeText()
        #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("Connection: close\r\n"))
        // A connection in the reserve that says nothing keeps its place only for a moment, and not when another one
        // needs it.
        let silent = try await bench.connect()
        #expect(await eventually { silent.hasEnded })
        bench.letGo()
        for client in busy { #expect(await eventually { client.text.hasSuffix("GET /wait ") }) }
        await bench.end()
    }

    // MARK: Time

    @Test func aRequestMustComeInTime() async throws {
        let bench = try await ServerBench {
            $0.headTimeout = .seconds(1)
            $0.requestTimeout = .milliseconds(1500)
        }
        let silent = try await bench.connect()
        let head = try await bench.connect()
        head.send("GET / HTTP/1.1\r\n")
        let body = try await bench.connect()
        body.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel")
        #expect(await silent.wholeText() == "")
        #expect(await head.wholeText().hasPrefix("HTTP/1.1 408 "))
        #expect(await body.wholeText().hasPrefix("HTTP/1.1 408 "))
        await bench.end()
    }

    // MARK: Sizes

    @Test(
        arguments: [
            "Content-Length: 1001\r\n\r\n", "Content-Length: 1001\r\nConnection: close\r\n\r\n",
            "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n3E9\r\n\(String(repeating: "x", count: 1001))",
        ]) func aBodyThatIsTooLargeGetsItsAnswer(rest: String) async throws
    {
        let bench = try await ServerBench { $0.lingering = (10_000, .seconds(5)) }
        let client = try await bench.connect()
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\n\(rest)")
        // The client goes on sending, because it hasn't read the answer yet.
        for _ in 0..<5 { client.send(String(repeating: "y", count: 1000)) }
        let text = await client.wholeText()
        #expect(text.hasPrefix("HTTP/1.1 413 "))
        #expect(text.hasSuffix("{\"error\":\"the body has more than 1000 bytes\"}\n"))
        client.close()
        await bench.end()
    }

    @Test func tellsAWaitingClientToContinue() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(await eventually { client.text == "HTTP/1.1 100 Continue\r\n\r\n" })
        client.send("abc")
        #expect(await eventually { client.text.hasSuffix("POST /a abc") })
        await bench.end()
    }

    @Test func theOldestBodyMakesRoomForBytes() async throws {
        let bench = try await ServerBench()
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        var clients: [TestClient] = []
        for number in 0..<4 {
            clients.append(try await bench.connect())
            clients[number].send(head + String(repeating: "x", count: 990))
            try await Task.sleep(for: .milliseconds(30))
        }
        let fifth = try await bench.connect()
        fifth.send(head + String(repeating: "y", count: 1000))
        #expect(await eventually { fifth.text.hasSuffix("yyy") })
        #expect(await clients[0].wholeText().hasPrefix("HTTP/1.1 503 "))
        #expect(clients[0].text.contains("Retry-After: 1\r\n"))
        clients[3].send(String(repeating: "x", count: 10))
        let last = clients[3]
        #expect(await eventually { last.text.hasSuffix("xxx") })
        await bench.end()
    }

    /// A large answer may take a long time as long as it moves on.
    @Test func aLargeAnswerGoesOutInPieces() async throws {
        let bench = try await ServerBench {
            $0.bodyBytes = 4 << 20
            $0.bytesInFlight = 8 << 20
        }
        let client = try await bench.connect()
        let size = 3_000_000
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(size)\r\n\r\n")
        client.send(String(repeating: "x", count: size))
        #expect(await eventually { client.text.utf8.count > size && client.text.hasSuffix("xxx") })
        client.get("/next")
        #expect(await eventually { client.text.hasSuffix("GET /next ") })
        await bench.end()
    }

    @Test func anAnswerThatIsNotReadEndsTheConnection() async throws {
        let bench = try await ServerBench {
            $0.bodyBytes = 32 << 20
            $0.bytesInFlight = 32 << 20
            $0.answerTimeout = .milliseconds(300)
        }
        let client = try await bench.connect()
        let size = 30 << 20
        client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(size)\r\n\r\n")
        client.stopReading()
        client.send(String(repeating: "x", count: size))
        #expect(await eventually { bench.server.isEmpty })
        client.close()
        await bench.end()
    }

    // MARK: Ends

    @Test func stopsWhenPendingRequestsAreAnswered() async throws {
        let bench = try await ServerBench()
        let silent = try await bench.connect()
        let idle = try await bench.connect()
        idle.get("/a")
        #expect(await eventually { idle.text.hasSuffix("GET /a ") })
        let busy = try await bench.connect()
        busy.get("/wait")
        let late = try await bench.connect()
        late.send("GET /late HT")
        #expect(await eventually { bench.waitingCount == 1 })
        // There is no event for the beginning of a request, so wait for it to arrive.
        try await Task.sleep(for: .milliseconds(200))
        bench.server.stop()
        #expect(await eventually { silent.hasEnded && idle.hasEnded })
        late.send("TP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await late.wholeText().contains("GET /late "))
        #expect(!bench.server.isEmpty && !busy.hasEnded)
        // New connections are refused.
        let refused = try await bench.connect()
        #expect(await eventually { refused.hasEnded })
        bench.letGo()
        #expect(await busy.wholeText().contains("Connection: close\r\n"))
        await bench.end()
    }

    @Test func abortsRequestsBeingAnswered() async throws {
        let bench = try await ServerBench()
        let client = try await bench.connect()
        client.get("/wait")
        #expect(await eventually { bench.waitingCount == 1 })
        bench.server.abort()
        await bench.server.untilEmpty()
        #expect(bench.cancelledCount == 1)
        #expect(await eventually { client.hasEnded })
        #expect(client.text == "")
        await bench.end()
    }

    /// A place for each: those that have been left would otherwise keep everybody else out.
    @Test func aClientThatHasGoneGivesItsPlaceBack() async throws {
        let bench = try await ServerBench { ($0.connections, $0.reserve) = (3, 1) }
        for round in 1...3 {
            let clients = [try await bench.connect(), try await bench.connect(), try await bench.connect()]
            for client in clients { client.get("/wait") }
            #expect(await eventually { bench.waitingCount == 3 })
            for client in clients { client.close() }
            #expect(await eventually { bench.cancelledCount == 3 * round })
            #expect(await eventually { bench.server.isEmpty })
        }
        let client = try await bench.connect()
        client.get("/a")
        #expect(await eventually { client.text.hasSuffix("GET /a ") })
        await bench.end()
    }

    /// Whatever clients do as the server ends, every connection is closed and nothing crashes.
    @Test func endsAmongClientsThatAskWithoutPause() async throws {
        for _ in 0..<30 {
            let bench = try await ServerBench()
            let port = bench.port
            let isOver = Flag()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        while !isOver.isSet {
                            guard let client = try? await TestClient(port: port) else { continue }
                            client.get("/a", "Connection: close\r\n")
                            _ = await client.wholeText()
                            client.close()
                        }
                    }
                }
                try? await Task.sleep(for: .milliseconds(10))
                await bench.end()
                isOver.set()
            }
            #expect(bench.server.isEmpty)
        }
    }
}

import Connections
import ControlPlane
import DataPlane
import Ground
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@Suite struct AdminServerTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Serves on a free loopback port while `look` runs.
    private func serving(
        _ admin: AdminBench, _ look: (UInt16, ServiceGroup) async throws -> Void
    ) async throws {
        let listener = try ListeningSocket.open(Endpoint(host: "127.0.0.1", port: 0))
        let server = AdminServer(api: admin.api, listener: listener, logger: logger)
        let group = ServiceGroup(services: [server], logger: logger)
        async let run: Void = group.run()
        try await look(listener.address.port, group)
        await group.triggerGracefulShutdown()
        try await run
    }

    /// Sends bytes on a new connection; returns everything that comes until the server closes it.
    private func exchange(_ port: UInt16, _ request: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer = ByteBuffer()
            for try await part in inbound { answer.writeImmutableBuffer(part) }
            return String(buffer: answer)
        }
    }

    @Test func speaksHTTP() async throws {
        let admin = try AdminBench()
        try await serving(admin) { port, _ in
            let status = try await exchange(
                port, "GET /status HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n")
            #expect(status.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(status.contains("\r\n\r\n{\n  \"active\": \"blue\""))
            let changed = try await exchange(
                port, "POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            #expect(changed.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(changed.contains("\"who\": \"127.0.0.1\""))
            let head = try await exchange(
                port, "HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(head.hasSuffix("\r\n\r\n"))
            let wrong = try await exchange(
                port, "GET /switch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(wrong.hasPrefix("HTTP/1.1 405 "))
            #expect(wrong.lowercased().contains("\r\nallow: post\r\n"))
        }
    }

    @Test func closesTheConnectionOfABodyWithoutEnd() async throws {
        let admin = try AdminBench()
        try await serving(admin) { port, _ in
            let body = String(repeating: "x", count: 70_000)
            let answer = try await exchange(
                port, "POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n\(body)")
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(answer.contains("requests have no body"))
        }
        #expect(admin.bench.switchboard.state.epoch == 1)
    }

    @Test func answersPendingRequestsBeforeItStops() async throws {
        let admin = try AdminBench()
        try await serving(admin) { port, group in
            admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 1)]])
            async let answer = exchange(
                port, "POST /switch?wait=drained&timeout=1h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            #expect(await eventually { admin.bench.traffic.waitCount == 1 })
            await group.triggerGracefulShutdown()
            admin.bench.traffic.answer(inFlight: [[]])
            let text = try await answer
            #expect(text.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func connectionsWaitWhileItPauses() async throws {
        let admin = try AdminBench()
        let listener = try ListeningSocket.open(Endpoint(host: "127.0.0.1", port: 0))
        let served = Mutex(0)
        let server = AdminServer(api: admin.api, listener: listener, logger: logger) { served.withLock { $0 += 1 } }
        let group = ServiceGroup(services: [server], logger: logger)
        async let run: Void = group.run()
        #expect(await eventually { served.withLock { $0 == 1 } })
        await server.pause()
        let port = listener.address.port
        async let answer = exchange(port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        server.resume()
        #expect(try await answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        await group.triggerGracefulShutdown()
        try await run
        #expect(server.listeningSocket == nil)
    }

    /// A process that takes over serves only once the other one can't go on itself any more.
    @Test func mayBePausedFromTheStart() async throws {
        let admin = try AdminBench()
        let listener = try ListeningSocket.open(Endpoint(host: "127.0.0.1", port: 0))
        let served = Mutex(0)
        let server = AdminServer(api: admin.api, listener: listener, isPaused: true, logger: logger) {
            served.withLock { $0 += 1 }
        }
        let group = ServiceGroup(services: [server], logger: logger)
        async let run: Void = group.run()
        let port = listener.address.port
        async let answer = exchange(port, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try await Task.sleep(for: .milliseconds(200))
        #expect(served.withLock { $0 } == 0)
        server.resume()
        #expect(try await answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        await group.triggerGracefulShutdown()
        try await run
    }
}

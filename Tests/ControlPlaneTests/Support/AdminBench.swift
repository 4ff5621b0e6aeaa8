import ControlPlane
import DataPlane
import Ground
import HTTP1
import HTTPTypes
import Logging
import NIOCore
import Synchronization

/// The admin API with its own switchboard, called without a socket.
struct AdminBench {
    let bench: SwitchboardBench
    let api: AdminAPI
    /// Clock of `wait=drained`.
    let clock = HandClock()
    private let stopping: Stopping

    private final class Stopping: Sendable {
        let flag = Mutex(false)
    }

    struct Answer {
        var status: Int
        var headers: HTTPFields
        var text: String

        var json: JSONValue? { try? JSONValue(parsing: text) }
        var error: String? { json?["error"]?.text }
    }

    init(bench: SwitchboardBench, token: String? = nil) {
        self.bench = bench
        let stopping = Stopping()
        self.stopping = stopping
        api = AdminAPI(
            AdminAPI.Services(
                switchboard: bench.switchboard, health: bench.health, traffic: bench.traffic,
                clock: clock, drainer: bench.drainer,
                failover: bench.failover, token: token.flatMap { BearerToken(name: "deploy-token", secret: $0) },
                version: "1.2.3",
                startedAt: Timestamp(milliseconds: 500_000), isStopping: { stopping.flag.withLock { $0 } },
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })))
    }

    init(token: String? = nil, health: FakeHealth = FakeHealth()) throws {
        self.init(bench: try SwitchboardBench(health: health), token: token)
    }

    func stop() {
        stopping.flag.withLock { $0 = true }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:],
        authority: String? = "127.0.0.1:9901", body: String = ""
    ) async throws -> Answer {
        let head = HTTPRequest(
            method: method, scheme: "http", authority: authority, path: path, headerFields: headers)
        let response = await api.respond(
            to: Request(head: head, body: ByteBuffer(string: body), peer: "192.0.2.7"))
        return Answer(
            status: response.status.code, headers: response.headers, text: String(buffer: response.body))
    }

    func get(_ path: String, _ headers: HTTPFields = [:]) async throws -> Answer {
        try await send(.get, path, headers)
    }

    func post(_ path: String, _ headers: HTTPFields = [:]) async throws -> Answer {
        try await send(.post, path, headers)
    }
}

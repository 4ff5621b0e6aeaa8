import Connections
import Ground
import ControlPlane
import DataPlane
import HTTPTypes
import Testing

@Suite struct AdminViewTests {
    @Test func reportsTheStatus() async throws {
        let admin = try AdminBench(health: FakeHealth(green: .unhealthy))
        var report = TrafficReport()
        report.inFlight = [.init(epoch: 1, color: .blue, calls: 4)]
        report.colors.blue.started = 10
        report.colors.blue.finishedByStatus[.ok] = 5
        report.colors.blue.finishedByStatus[.unavailable] = 1
        report.colors.blue.failedByKind[.unreachable] = 1
        report.workers = [.init()]
        report.workers[0].clientConnections = 2
        report.workers[0].acceptedConnections = 7
        (report.peers, report.largestPeer) = (2, TrafficReport.PeerShare(name: "192.0.2.7", connections: 5))
        admin.bench.traffic.answer([report])
        let answer = try await admin.get("/status")
        #expect(answer.status == 200)
        #expect(answer.headers[.eTag] == "\"1\"")
        let json = try #require(answer.json)
        #expect(json["active"] == "blue")
        #expect(json["previous"] == nil)
        #expect(json["epoch"] == 1)
        #expect(json["since"] == "1970-01-01T00:16:40.000Z")
        #expect(json["version"] == "1.2.3")
        #expect(json["started_at"] == "1970-01-01T00:08:20.000Z")
        #expect(json["stopping"] == false)
        let blue = try #require(json["colors"]?["blue"])
        #expect(blue["active"] == true)
        #expect(blue["state"] == "healthy")
        #expect(blue["in_flight"] == 4)
        #expect(blue["calls"]?["started"] == 10)
        #expect(blue["calls"]?["finished"] == 6)
        #expect(blue["calls"]?["grpc_codes"]?["UNAVAILABLE"] == 1)
        #expect(blue["calls"]?["grpc_codes"]?.count == 2)
        #expect(blue["endpoints"]?[0]?["endpoint"] == "127.0.0.1:50051")
        #expect(blue["endpoints"]?[0]?["latency_ms"] == 1.234)
        let green = try #require(json["colors"]?["green"])
        #expect(green["active"] == false)
        #expect(green["state"] == "unhealthy")
        #expect(green["endpoints"]?[0]?["last_error"] == "grpc: connection refused")
        #expect(json["in_flight"]?[0]?["epoch"] == 1)
        #expect(json["workers"]?[0]?["client_connections"] == 2)
        #expect(json["workers"]?[0]?["accepted_connections"] == 7)
        #expect(json["clients"]?["peers"] == 2)
        #expect(json["clients"]?["largest_peer"] == "192.0.2.7")
        #expect(json["clients"]?["largest_peer_connections"] == 5)
    }

    @Test func listsTheHistoryNewestFirst() async throws {
        let admin = try AdminBench()
        _ = try await admin.post("/switch?reason=release")
        _ = try await admin.post("/rollback")
        let json = try #require(try await admin.get("/history").json)
        #expect(json["changes"]?.count == 3)
        #expect(json["changes"]?[0]?["action"] == "rollback")
        #expect(json["changes"]?[1]?["reason"] == "release")
        #expect(json["changes"]?[1]?["who"] == "192.0.2.7")
        #expect(json["changes"]?[2]?["action"] == "initial")
        #expect(json["changes"]?[2]?["from"] == nil)
        #expect(try await admin.get("/history?limit=1").json?["changes"]?.count == 1)
        #expect(try await admin.get("/history?limit=0").status == 400)
        #expect(try await admin.get("/history?limit=x").status == 400)
    }

    @Test func isReadyWhileTheActiveColorIsHealthy() async throws {
        let admin = try AdminBench()
        let ready = try await admin.get("/readyz")
        #expect(ready.status == 200)
        #expect(ready.json?["active"] == "blue")
        for state in [HealthState.unhealthy, .unknown] {
            admin.bench.health.set(.blue, state)
            let answer = try await admin.get("/readyz")
            #expect(answer.status == 503)
            #expect(answer.error?.hasPrefix("the active color can't take calls: blue is not healthy: ") == true)
            #expect(try await admin.get("/healthz").status == 200)
        }
        admin.bench.health.set(.blue, .healthy)
        admin.bench.health.set(.green, .unhealthy)
        #expect(try await admin.get("/readyz").status == 200)
        admin.stop()
        #expect(try await admin.get("/readyz").error == "shutting down")
        #expect(try await admin.get("/healthz").json?["status"] == "ok")
        #expect(try await admin.get("/status").json?["stopping"] == true)
    }

    @Test func givesMetrics() async throws {
        let admin = try AdminBench()
        _ = try await admin.post("/switch")
        let answer = try await admin.get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.text.contains("\nsluice_epoch 2\n"))
        #expect(answer.text.contains("\nsluice_switches_total{action=\"switch\",outcome=\"changed\"} 1\n"))
    }

    /// The handler answers as to GET; the server leaves out the body.
    @Test func answersHeadLikeGet() async throws {
        let admin = try AdminBench()
        for path in ["/status", "/history", "/metrics", "/healthz", "/readyz"] {
            let get = try await admin.get(path)
            let head = try await admin.send(.head, path)
            #expect(head.status == 200)
            #expect(head.headers[.contentType] == get.headers[.contentType])
            if path == "/history" { #expect(head.text == get.text) }
        }
    }

    @Test func saysWhichMethodsAreAllowed() async throws {
        let admin = try AdminBench()
        for (method, path, allow) in [
            (HTTPRequest.Method.get, "/switch", "POST"), (.head, "/switch", "POST"), (.delete, "/rollback", "POST"),
            (.post, "/status", "GET, HEAD"), (.put, "/healthz", "GET, HEAD"), (.options, "/metrics", "GET, HEAD"),
            (HTTPRequest.Method("FROB")!, "/readyz", "GET, HEAD"),
        ] {
            let answer = try await admin.send(method, path)
            #expect(answer.status == 405)
            #expect(answer.headers[.allow] == allow)
            if method != .head { #expect(answer.error?.contains("allowed: \(allow)") == true) }
        }
        #expect(admin.bench.switchboard.state.epoch == 1)
    }

    @Test func knowsNoOtherPaths() async throws {
        let admin = try AdminBench()
        for path in ["/", "/Switch", "/switch/", "/status/x", "//status", "/stat%75s", "*"] {
            let answer = try await admin.get(path)
            #expect(answer.status == 404)
            #expect(answer.error?.hasPrefix("unknown path") == true)
        }
        let answer = try await admin.get("/status?verbose")
        #expect(answer.error == "unknown query parameter \"verbose\"; allowed: none")
    }

    @Test func reportsAFailover() async throws {
        let admin = try AdminBench(health: FakeHealth(blue: .unhealthy))
        #expect(try await admin.get("/status").json?["failover"] == nil)
        #expect(try await admin.get("/readyz").status == 503)
        admin.bench.failover.changed(routable: PerColor(blue: [false], green: [true]))
        let failover = try await admin.get("/status").json?["failover"]
        #expect(failover?["to"] == "green")
        #expect(failover?["since"] == "1970-01-01T00:50:00.000Z")
        let ready = try await admin.get("/readyz")
        #expect(ready.status == 200)
        #expect(ready.json?["active"] == "blue")
        #expect(ready.json?["failover"] == "green")
        #expect(try await admin.get("/metrics").text.contains("\nsluice_failover_active 1\n"))
        _ = try await admin.post("/switch?to=green")
        #expect(try await admin.get("/status").json?["failover"] == nil)
        #expect(try await admin.get("/metrics").text.contains("\nsluice_failover_active 0\n"))
    }
}

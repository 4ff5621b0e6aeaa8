import ControlPlane
import DataPlane
import EventLoop
import HTTPTypes
import TestSupport
import Testing

@Suite struct AdminChangeTests {
    @Test func switchesAndGivesAReceipt() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 3)]])
        let answer = try await admin.post("/switch")
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/json")
        #expect(answer.headers[.cacheControl] == "no-store")
        #expect(answer.headers[.eTag] == "\"2\"")
        #expect(
            answer.text == """
                {
                  "action": "switch",
                  "at": "1970-01-01T00:33:20.000Z",
                  "changed": true,
                  "epoch": 2,
                  "forced": false,
                  "from": "blue",
                  "health": {
                    "color": "green",
                    "endpoints": [
                      {
                        "consecutive_failures": 0,
                        "consecutive_passes": 2,
                        "endpoint": "127.0.0.1:50052",
                        "last_check": "1970-01-01T00:00:02.000Z",
                        "latency_ms": 1.234,
                        "since": "1970-01-01T00:00:01.000Z",
                        "state": "healthy"
                      }
                    ],
                    "state": "healthy"
                  },
                  "in_flight": 3,
                  "to": "green",
                  "who": "192.0.2.7"
                }

                """)
    }

    @Test func refusesAnotherVersionThanTheExpectedOne() async throws {
        let admin = try AdminBench()
        admin.bench.versions.set(.green, "v1.0.0")
        for path in ["/switch?expect=v1.1.0", "/switch?expect=v1.1.0&dry_run=true"] {
            let answer = try await admin.post(path)
            #expect(answer.status == 409)
            #expect(answer.error == "green is not the expected v1.1.0: 127.0.0.1:50052 says v1.0.0 by a test")
            #expect(answer.json?["expected"] == "v1.1.0")
            #expect(answer.json?["versions"]?[0]?["versions"]?[0] == "v1.0.0")
            #expect(answer.json?["active"] == "blue")
        }
        // A trial leaves no line.
        #expect(admin.bench.auditLines.count == 1)
        #expect(admin.bench.auditLines[0].contains("says v1.0.0 by a test"))
        #expect(try await admin.post("/switch?expect=v1.0.0").json?["to"] == "green")
        for path in ["/switch?expect=", "/switch?expect=a%20b", "/switch?expect=@v1", "/switch?expect=a@"] {
            let answer = try await admin.post(path)
            #expect(answer.status == 400 && answer.error?.hasPrefix("expect is \"") == true)
        }
        #expect(try await admin.post("/rollback?expect=v1").status == 400)
    }

    @Test func asksOnlyWhereItMatters() async throws {
        let admin = try AdminBench()
        _ = try await admin.post("/switch?to=blue")
        #expect(admin.bench.versions.asked == [])
        admin.bench.health.set(.green, .unhealthy)
        let answer = try await admin.post("/switch?expect=v1.1.0")
        #expect(answer.status == 409 && answer.error?.hasPrefix("green is not healthy") == true)
        #expect(admin.bench.versions.asked == [])
        #expect(try await admin.post("/switch?expect=m@2&force=true&reason=why").status == 409)
        #expect(admin.bench.versions.asked == [ExpectedVersion("m@2")])
    }

    @Test func aReleaseBeginsWithTheExpectedVersionAlone() async throws {
        let admin = try AdminBench()
        admin.bench.versions.set(.green, "v1.0.0")
        let plan = #"{"steps": [{"canary": "5%", "for": "1h"}], "expect": "v1.1.0"}"#
        let refused = try await admin.send(.post, "/release", body: plan)
        #expect(refused.status == 409)
        #expect(refused.error == "green is not the expected v1.1.0: 127.0.0.1:50052 says v1.0.0 by a test")
        #expect(refused.json?["expected"] == "v1.1.0")
        #expect(admin.bench.switchboard.state.releases.isEmpty && admin.bench.route.load().epoch == 1)
        #expect(admin.bench.auditLines.last?.contains("is not the expected") == true)
        admin.bench.versions.set(.green, "v1.1.0")
        let begun = try await admin.send(.post, "/release", body: plan)
        #expect(begun.status == 201 && begun.json?["plan"]?["expect"] == "v1.1.0")
        // It is kept with the plan.
        #expect(try admin.bench.store.load()?.release?.plan.expect == ExpectedVersion("v1.1.0"))
        let wrong = try await admin.send(.post, "/release", body: #"{"expect": " "}"#)
        #expect(wrong.status == 400 && wrong.error?.hasPrefix("expect is \" \"") == true)
    }

    @Test func namesTheColor() async throws {
        let admin = try AdminBench()
        let same = try await admin.post("/switch?to=blue")
        #expect(same.status == 200)
        #expect(same.json?["changed"] == false)
        #expect(same.json?["epoch"] == 1)
        #expect(same.json?["from"] == "blue")
        #expect(same.json?["to"] == "blue")
        #expect(try await admin.post("/switch?to=green").json?["epoch"] == 2)
        let unknown = try await admin.post("/switch?to=red")
        #expect(unknown.status == 400)
        #expect(unknown.error == "to is \"red\"; allowed: blue, green")
    }

    @Test func rollsBack() async throws {
        let admin = try AdminBench()
        let nowhere = try await admin.post("/rollback")
        #expect(nowhere.status == 409)
        #expect(nowhere.json?["epoch"] == 1)
        _ = try await admin.post("/switch")
        let back = try await admin.post("/rollback?reason=errors+rose%21")
        #expect(back.status == 200)
        #expect(back.json?["action"] == "rollback")
        #expect(back.json?["to"] == "blue")
        #expect(back.json?["reason"] == "errors rose!")
    }

    @Test func refusesAnUnhealthyColorWithTheFailingCheck() async throws {
        let admin = try AdminBench(health: FakeHealth(green: .unhealthy))
        let answer = try await admin.post("/switch")
        #expect(answer.status == 409)
        #expect(answer.error == "green is not healthy: 127.0.0.1:50052 grpc: connection refused")
        #expect(answer.json?["active"] == "blue")
        #expect(answer.json?["epoch"] == 1)
        #expect(answer.json?["health"]?["endpoints"]?[0]?["last_error"] == "grpc: connection refused")
        #expect(answer.json?["health"]?["endpoints"]?[0]?["last_error_at"] == "1970-01-01T00:00:02.000Z")
    }

    @Test func forcesWithAReason() async throws {
        let admin = try AdminBench(health: FakeHealth(green: .unhealthy))
        let bare = try await admin.post("/switch?force=true")
        #expect(bare.status == 400)
        #expect(bare.error == "force needs a reason, as in force=true&reason=why")
        let forced = try await admin.post("/switch?force=true&reason=%D0%B4%D0%B0")
        #expect(forced.status == 200)
        #expect(forced.json?["forced"] == true)
        #expect(forced.json?["reason"] == "да")
        #expect(admin.bench.auditLines.last?.contains(#""forced":true"#) == true)
    }

    @Test func obeysIfMatch() async throws {
        let admin = try AdminBench()
        let stale = try await admin.post("/switch", [.ifMatch: "7"])
        #expect(stale.status == 412)
        #expect(stale.headers[.eTag] == "\"1\"")
        #expect(stale.json?["epoch"] == 1)
        #expect(try await admin.post("/switch", [.ifMatch: "1"]).json?["epoch"] == 2)
        #expect(try await admin.post("/switch", [.ifMatch: "\"2\""]).json?["epoch"] == 3)
        #expect(try await admin.post("/switch", [.ifMatch: "\"7\", \"3\""]).json?["epoch"] == 4)
        #expect(try await admin.post("/switch", [.ifMatch: " * "]).json?["epoch"] == 5)
        for field in ["", "W/\"5\"", "five", "5 5", "\"\"", "-1", "99999999999999999999"] {
            let answer = try await admin.post("/switch", [.ifMatch: field])
            #expect(answer.status == 400, "If-Match: \(field)")
        }
        #expect(admin.bench.switchboard.state.epoch == 5)
    }

    @Test func waitsForTheOldColorToDrain() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 2)]])
        async let waiting = admin.post("/switch?wait=drained&timeout=30s")
        #expect(await eventually { admin.bench.traffic.waitCount == 1 })
        admin.bench.traffic.answer(inFlight: [[]])
        let answer = try await waiting
        #expect(answer.status == 200)
        #expect(answer.json?["drained"] == true)
        #expect(answer.json?["in_flight"] == 0)
    }

    /// The answer to a request that waits in vain: it must come after `time`, and not before.
    private func timingOut(_ admin: AdminBench, _ path: String, after time: Duration) async throws -> AdminBench.Answer
    {
        async let waiting = admin.post(path)
        #expect(await eventually { admin.clock.sleeperCount == 1 })
        admin.clock.advance(by: time - .milliseconds(1))
        #expect(admin.clock.sleeperCount == 1)
        admin.clock.advance(by: .milliseconds(1))
        return try await waiting
    }

    @Test func saysWhenTheOldColorDidNotDrainInTime() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 2)]])
        let answer = try await timingOut(admin, "/switch?wait=drained&timeout=1s", after: .seconds(1))
        #expect(answer.status == 202)
        #expect(answer.json?["changed"] == true)
        #expect(answer.json?["drained"] == false)
        #expect(answer.json?["in_flight"] == 2)
        // A second request changes nothing and waits again.
        let again = try await timingOut(admin, "/switch?to=green&wait=drained", after: .seconds(30))
        #expect(again.status == 202)
        #expect(again.json?["changed"] == false)
    }

    @Test func reportsProcessesThatDoNotAnswer() async throws {
        let admin = try AdminBench()
        var report = TrafficReport()
        report.unanswered = 2
        admin.bench.traffic.answer([report])
        let answer = try await timingOut(admin, "/switch?wait=drained&timeout=1s", after: .seconds(1))
        #expect(answer.status == 202)
        #expect(answer.json?["changed"] == true)
        #expect(answer.json?["drained"] == false)
        #expect(answer.json?["in_flight"] == 0)
        #expect(answer.json?["processes_not_answering"] == 2)
        let plain = try await admin.post("/switch")
        #expect(plain.status == 200)
        #expect(plain.json?["processes_not_answering"] == 2)
        #expect(try await admin.post("/switch?dry_run=true").json?["processes_not_answering"] == 2)
        #expect(try await admin.get("/status").json?["processes_not_answering"] == 2)
        admin.bench.traffic.answer([TrafficReport()])
        #expect(try await admin.post("/switch").json?["processes_not_answering"] == nil)
        #expect(try await admin.get("/status").json?["processes_not_answering"] == nil)
    }

    @Test func triesWithoutChanging() async throws {
        let admin = try AdminBench()
        let answer = try await admin.post("/switch?dry_run=true")
        #expect(answer.status == 200)
        #expect(answer.json?["dry_run"] == true)
        #expect(answer.json?["changed"] == false)
        #expect(answer.json?["epoch"] == 2)
        #expect(answer.json?["to"] == "green")
        #expect(answer.headers[.eTag] == nil)
        #expect(admin.bench.switchboard.state.epoch == 1)
        #expect(try await admin.post("/rollback?dry_run=true").status == 409)
        #expect(try await admin.post("/switch?dry_run=true&wait=drained").status == 400)
    }

    @Test func saysThatTheStateCouldNotBeSaved() async throws {
        let admin = try AdminBench()
        admin.bench.folder.adopt(TemporaryFolder(), as: "state.json.tmp")
        let answer = try await admin.post("/switch")
        #expect(answer.status == 503)
        #expect(answer.error?.contains(admin.bench.folder.file("state.json.tmp")) == true)
        #expect(admin.bench.route.load().epoch == 1)
    }

    @Test func saysWhenTheAuditLogLacksALine() async throws {
        let admin = AdminBench(bench: try SwitchboardBench(audit: "/dev/full"))
        let answer = try await admin.post("/switch")
        #expect(answer.status == 200)
        #expect(answer.json?["changed"] == true)
        #expect(answer.json?["audit_error"] == "cannot write /dev/full: no space left on device")
    }

    @Test(arguments: [
        ("/switch?colour=green", "unknown query parameter \"colour\""),
        ("/rollback?to=blue", "unknown query parameter \"to\""),
        ("/switch?to=green&to=blue", "\"to\" is given more than once"),
        ("/switch?to=%zz", "not percent-encoded"), ("/switch?to=%f", "not percent-encoded"),
        ("/switch?reason=%ff", "not percent-encoded UTF-8"),
        ("/switch?to=", "to is \"\""), ("/switch?to=Green", "to is \"Green\""),
        ("/switch?force=yes&reason=x", "force is \"yes\""),
        ("/switch?wait=forever", "wait is \"forever\""), ("/switch?timeout=30s", "timeout goes with wait=drained"),
        ("/switch?wait=drained&timeout=30", "timeout is \"30\""),
        ("/switch?wait=drained&timeout=2h", "timeout is \"2h\""),
        ("/switch?reason=a%0Ab", "reason has to be"), ("/switch?dry_run=1", "dry_run is \"1\""),
    ])
    func refusesBadParameters(path: String, message: String) async throws {
        let admin = try AdminBench()
        let answer = try await admin.post(path)
        #expect(answer.status == 400)
        #expect(answer.error?.contains(message) == true, "\(answer.text)")
        #expect(admin.bench.switchboard.state.epoch == 1)
    }

    @Test func limitsTheReason() async throws {
        let admin = try AdminBench()
        let longest = String(repeating: "x", count: 500)
        #expect(try await admin.post("/switch?reason=\(longest)x").status == 400)
        #expect(try await admin.post("/switch?reason=\(longest)").status == 200)
    }

    @Test func refusesABody() async throws {
        let admin = try AdminBench()
        let answer = try await admin.send(.post, "/switch", body: "{\"to\": \"blue\"}")
        #expect(answer.status == 400)
        #expect(answer.error == "requests have no body; parameters go into the query, as in /switch?to=green")
        #expect(admin.bench.switchboard.state.epoch == 1)
    }

    @Test func drainsWhatAChangeLeavesBehind() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 3)]])
        #expect(try await admin.get("/status").json?["drain"] == nil)
        let drain = try #require(try await admin.post("/switch?drain=90s").json?["drain"])
        #expect(drain["color"] == "blue")
        #expect(drain["epoch"] == 2)
        #expect(drain["state"] == "waiting")
        #expect(drain["timeout"] == "1m30s")
        #expect(drain["deadline"] == "1970-01-01T00:34:50.000Z")
        #expect(drain["seconds_left"] == 90)
        #expect(drain["calls_left"] == 3)
        #expect(admin.bench.auditLines.last?.contains(#""drain":{"color":"blue","epoch":2,"timeout":"1m30s"}"#) == true)
        admin.bench.drainClock.advance(by: .milliseconds(30_500))
        #expect(try await admin.get("/status").json?["drain"]?["seconds_left"] == 59.5)
        let back = try await admin.post("/rollback?drain=off")
        #expect(back.status == 200)
        #expect(back.json?["drain"] == nil)
        #expect(try await admin.get("/status").json?["drain"] == nil)
    }

    @Test func usesTheDrainOfTheSettings() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 3)]])
        admin.bench.drainer.set(timeout: .seconds(10))
        #expect(try await admin.post("/switch?dry_run=true").json?["drain"] == nil)
        #expect(try await admin.post("/switch").json?["drain"]?["timeout"] == "10s")
        // Green is active already: the change leaves nothing new behind, and the drain goes on.
        #expect(try await admin.post("/switch?to=green&drain=1s").json?["drain"] == nil)
        #expect(try await admin.get("/status").json?["drain"]?["timeout"] == "10s")
    }

    @Test(arguments: ["", "soon", "-1s", "25h", "true", "60"])
    func refusesADrainThatIsNoDuration(text: String) async throws {
        let admin = try AdminBench()
        for path in ["/switch", "/rollback"] {
            let answer = try await admin.post("\(path)?drain=\(text)")
            #expect(answer.status == 400)
            #expect(answer.error == "drain is \"\(text)\"; allowed: off, or 0s to 24h, such as 30s or 5m")
        }
        #expect(admin.bench.switchboard.state.epoch == 1)
    }

    @Test func cancelsADrain() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 3)]])
        let none = try await admin.post("/drain/cancel")
        #expect(none.status == 409)
        #expect(none.error == "no drain is under way")
        _ = try await admin.post("/switch?drain=60s")
        let answer = try await admin.post("/drain/cancel?reason=not+yet")
        #expect(answer.status == 200)
        #expect(answer.json?["cancelled"] == true)
        #expect(answer.json?["color"] == "blue")
        #expect(answer.json?["epoch"] == 2)
        #expect(answer.json?["calls_left"] == 3)
        #expect(try await admin.get("/status").json?["drain"] == nil)
        #expect(try await admin.post("/drain/cancel").status == 409)
        #expect(try await admin.post("/drain/cancel?force=true").status == 400)
        #expect(try await admin.get("/drain/cancel").status == 405)
        let lines = admin.bench.auditLines
        #expect(lines.count == 4)
        #expect(lines[0].contains(#""action":"cancel_drain""#))
        #expect(lines[0].contains(#""outcome":"refused""#))
        #expect(lines[2].contains(#""drain":{"color":"blue","epoch":2,"timeout":"1m"}"#))
        #expect(lines[2].contains(#""outcome":"changed","#) && lines[2].contains(#""reason":"not yet""#))
        #expect(lines[2].contains(#""who":"192.0.2.7""#))
    }

    @Test func aClientThatGoesAwayEndsItsWait() async throws {
        let admin = try AdminBench()
        admin.bench.traffic.answer(inFlight: [[.init(epoch: 1, color: .blue, calls: 3)]])
        let request = Task { try await admin.post("/switch?wait=drained&timeout=1h") }
        #expect(await eventually { admin.bench.traffic.waitCount == 1 })
        request.cancel()
        let answer = try await request.value
        #expect(answer.status == 202)
        #expect(answer.json?["in_flight"] == 3)
        #expect(admin.bench.switchboard.state.epoch == 2)
    }

    /// It may have gone before the change is decided: what it has asked for is done all the same.
    @Test func aClientThatGoesAwayStopsNoChange() async throws {
        let (goesOn, goOn) = AsyncStream.makeStream(of: Void.self)
        let sawTheEnd = OneTimeEvent()
        let health = FakeHealth {
            for await _ in goesOn {}
            if Task.isCancelled { sawTheEnd.set() }
        }
        let admin = try AdminBench(health: health)
        let request = Task { try await admin.post("/switch") }
        #expect(await eventually { !health.waitedFor.isEmpty })
        request.cancel()
        try await Task.sleep(for: .milliseconds(20))
        #expect(admin.bench.switchboard.state.epoch == 1)
        goOn.finish()
        #expect(try await request.value.status == 200)
        #expect(admin.bench.switchboard.state.epoch == 2)
        #expect(!sawTheEnd.isSet)
    }
}

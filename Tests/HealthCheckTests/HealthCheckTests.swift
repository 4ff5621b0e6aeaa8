import Asking
import HealthCheck
import Testing

@Suite struct HealthCheckTests {
    @Test(arguments: [
        ("grpc", HealthCheck.grpc(service: "")), ("grpc:a.B", .grpc(service: "a.B")),
        ("grpc-watch", .grpcWatch(service: "")), ("grpc-watch:a.B", .grpcWatch(service: "a.B")),
        ("http:/health?x=1", .http(path: "/health?x=1")), ("tcp", .tcp),
        ("http://:8000/v2/health/ready", .http(path: "/v2/health/ready", port: 8000)),
        ("http://:65535/", .http(path: "/", port: 65535)),
    ])
    func readsAndWrites(text: String, check: HealthCheck) {
        #expect((try? HealthCheck(reading: text)) == check)
        #expect(check.description == text)
    }

    @Test func readsACall() throws {
        let check = try HealthCheck(reading: "grpc-call:/pkg.Service/Method")
        guard case .grpcCall(let call) = check else {
            Issue.record("it is no call: \(check)")
            return
        }
        #expect(call.path == "/pkg.Service/Method")
        #expect(check.description == "grpc-call:/pkg.Service/Method")
    }

    @Test func takesThePathToBeTheRootIfThereIsNone() throws {
        #expect(try HealthCheck(reading: "http://:80") == .http(path: "/", port: 80))
    }

    @Test(arguments: [
        "", "GRPC", "http", "http:", "http:health", "https:/", "udp", "grpcs", "tcp:", "tcp:80", "grpc-call",
        "grpc-watches",
    ])
    func refusesOthers(text: String) {
        #expect((try? HealthCheck(reading: text)) == nil)
        #expect(throws: HealthCheckFlaw()) { try HealthCheck(reading: text) }
    }

    /// A host would be the same for all endpoints, of both colors.
    @Test(arguments: ["http://host/", "http://host:80/", "http://10.0.0.1:80/", "http://[::1]:80/x", "http:///x"])
    func refusesAHost(text: String) throws {
        let flaw = try #require(throws: HealthCheckFlaw.self) { try HealthCheck(reading: text) }
        #expect(flaw.allowed?.contains("without a host") == true)
    }

    @Test(arguments: ["http://:/", "http://:0/", "http://:65536/", "http://:+80/", "http://:x/"])
    func refusesAPortThatIsNone(text: String) throws {
        let flaw = try #require(throws: HealthCheckFlaw.self) { try HealthCheck(reading: text) }
        #expect(flaw.allowed?.contains("a port from 1 to 65535") == true)
    }

    @Test func asksAtThePortThatTheCheckNames() {
        func port(_ check: HealthCheck) -> UInt16 {
            ProbeRequest(
                check: check, host: "h", port: 50051, connectTimeout: .seconds(1), requestTimeout: .seconds(1)
            ).contact.port
        }
        #expect(port(.http(path: "/", port: 8000)) == 8000)
        #expect(port(.http(path: "/")) == 50051)
    }
}

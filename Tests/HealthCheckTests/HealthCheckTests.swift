import HealthCheck
import Testing

@Suite struct HealthCheckTests {
    @Test(arguments: [
        ("grpc", HealthCheck.grpc(service: "")), ("grpc:a.B", .grpc(service: "a.B")),
        ("http:/health?x=1", .http(path: "/health?x=1")), ("tcp", .tcp),
    ])
    func readsAndWrites(text: String, check: HealthCheck) {
        #expect(HealthCheck(text) == check)
        #expect(check.description == text)
    }

    @Test(arguments: ["", "GRPC", "http", "http:", "http:health", "http://host/", "udp", "grpcs"])
    func refusesOthers(text: String) {
        // `http://host/` is a path that begins with two slashes.
        #expect((HealthCheck(text) == nil) == (text != "http://host/"))
    }
}

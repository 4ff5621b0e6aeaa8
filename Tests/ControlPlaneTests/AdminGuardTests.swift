import ControlPlane
import HTTPTypes
import Testing

@Suite struct AdminGuardTests {
    private let right: HTTPFields = [.authorization: "Bearer s3cret"]

    @Test func requiresTheTokenExceptOnProbes() async throws {
        let admin = try AdminBench(token: "s3cret")
        for path in ["/status", "/history", "/metrics", "/switch", "/rollback", "/nowhere"] {
            for method in [HTTPRequest.Method.get, .post] {
                let bare = try await admin.send(method, path)
                #expect(bare.status == 401)
                #expect(bare.headers[.wwwAuthenticate] == "Bearer realm=\"sluice\"")
                #expect(bare.error == "this needs a bearer token")
                let wrong = try await admin.send(method, path, [.authorization: "Bearer S3cret"])
                #expect(wrong.status == 401)
                #expect(wrong.headers[.wwwAuthenticate] == "Bearer realm=\"sluice\", error=\"invalid_token\"")
            }
        }
        #expect(try await admin.get("/healthz").status == 200)
        #expect(try await admin.get("/readyz").status == 200)
        #expect(admin.bench.switchboard.state.epoch == 1)
        // Requests without the token are not recorded as refused changes.
        #expect(admin.bench.auditLines == [])
    }

    @Test func recordsTheTokensName() async throws {
        let admin = try AdminBench(token: "s3cret")
        #expect(try await admin.get("/status", right).status == 200)
        #expect(try await admin.get("/nowhere", right).status == 404)
        let answer = try await admin.post("/switch", right)
        #expect(answer.status == 200)
        #expect(answer.json?["who"] == "deploy-token")
        #expect(try await admin.send(.get, "/status", right, authority: "proxy.example:9901").status == 200)
    }

    @Test(arguments: ["http://evil.example", "null", "http://127.0.0.1:80", "http://127.0.0.1:9901.evil.example"])
    func refusesPagesOfAnotherOrigin(origin: String) async throws {
        let admin = try AdminBench()
        let answer = try await admin.post("/switch", [.origin: origin])
        #expect(answer.status == 403)
        #expect(admin.bench.switchboard.state.epoch == 1)
        let withToken = try AdminBench(token: "s3cret")
        #expect(try await withToken.post("/switch", [.origin: origin, .authorization: "Bearer s3cret"]).status == 403)
    }

    @Test func acceptsRequestsFromItsOwnPages() async throws {
        let admin = try AdminBench()
        #expect(try await admin.post("/switch", [.origin: "http://127.0.0.1:9901"]).status == 200)
    }

    @Test func answersOnlyUnderNamesOfTheLoopbackWithoutAToken() async throws {
        let admin = try AdminBench()
        for authority in ["localhost:9901", "LOCALHOST", "[::1]:9901", "127.0.0.1", "admin.localhost:9901", nil] {
            #expect(try await admin.send(.get, "/status", authority: authority).status == 200)
        }
        for authority in ["evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example", "x[::1]"] {
            #expect(try await admin.send(.get, "/status", authority: authority).status == 403)
        }
    }
}

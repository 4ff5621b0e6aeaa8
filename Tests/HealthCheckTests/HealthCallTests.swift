import HealthCheck
import Testing

@Suite struct HealthCallTests {
    private let inference = "/inference.GRPCInferenceService/"

    @Test func asksMostMethodsByAnEmptyMessage() throws {
        let call = try HealthCall(reading: "/echo.Echo/Unary")
        #expect(call.message == [])
        #expect(call.verdict == nil)
    }

    @Test(arguments: [("ServerLive", "live"), ("ServerReady", "ready"), ("ModelReady", "ready")])
    func knowsTheMethodsWhoseAnswerCounts(method: String, verdict: String) throws {
        #expect(try HealthCall(reading: inference + method).verdict == verdict)
        #expect(try HealthCall(reading: "/other.Service/" + method).verdict == nil)
    }

    @Test func namesAModel() throws {
        let named = try HealthCall(reading: inference + "ModelReady?name=iris")
        #expect(named.message == [0x0a, 4] + "iris".utf8)
        let versioned = try HealthCall(reading: inference + "ModelReady?version=12&name=a%2Cb")
        #expect(versioned.message == [0x0a, 3] + "a,b".utf8 + [0x12, 2] + "12".utf8)
        #expect(versioned.path == inference + "ModelReady")
        #expect(versioned.description == inference + "ModelReady?version=12&name=a%2Cb")
    }

    @Test func namesAModelOfAnyLength() throws {
        let call = try HealthCall(reading: inference + "ModelReady?name=" + String(repeating: "m", count: 300))
        #expect(call.message.prefix(3) == [0x0a, 0xac, 0x02])
        #expect(call.message.count == 303)
    }

    @Test(arguments: ["", "/", "x", "/a", "/a/", "//b", "/a/b/c", "a/b", "/a/b#c"])
    func refusesWhatIsNoMethod(text: String) throws {
        let flaw = try #require(throws: HealthCheckFlaw.self) { try HealthCall(reading: text) }
        #expect(flaw.allowed?.hasPrefix("grpc-call:/SERVICE/METHOD, such as") == true)
    }

    @Test(arguments: [
        "?", "?x=1", "?name", "?name=", "?name=a&name=b", "?version=1", "?name=a&x=1", "?name=a&", "?name=%2",
        "?name=%+1", "?name=%ff",
    ])
    func refusesAnotherQuery(query: String) throws {
        let flaw = try #require(throws: HealthCheckFlaw.self) {
            try HealthCall(reading: inference + "ModelReady" + query)
        }
        #expect(flaw.allowed?.contains("?name=MODEL&version=VERSION") == true)
    }

    @Test(arguments: ["ServerReady", "ServerLive"])
    func refusesAQueryOfOtherMethods(method: String) throws {
        for path in [inference + method, "/a.B/ModelReady"] {
            let flaw = try #require(throws: HealthCheckFlaw.self) { try HealthCall(reading: path + "?name=a") }
            #expect(flaw.allowed?.contains("without a query") == true)
        }
    }
}

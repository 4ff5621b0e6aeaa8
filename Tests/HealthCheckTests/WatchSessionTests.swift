import Asking
import HTTP2
import HealthCheck
import Serving
import Testing

@Suite struct WatchSessionTests {
    private typealias Outcome = HealthCheckResult.Outcome

    /// What a watch has heard.
    private final class Heard {
        var words: [WatchWord] = []
        var outcomes: [HealthCheckResult.Outcome] = []
    }

    private static let serving: [UInt8] = [0x08, 1]
    private static let notServing: [UInt8] = [0x08, 2]
    private static let unimplemented = 12
    private static let unavailable = 14

    private let server = ServingSession()
    private let heard = Heard()

    private func session(service: String = "", sendsPings: Bool = true) -> WatchSession {
        let request = ProbeRequest(
            check: .grpcWatch(service: service), host: "h", port: 1, connectTimeout: .seconds(1),
            requestTimeout: .seconds(1))
        return WatchSession(request, service: service, sendsPings: sendsPings) { [heard] in heard.words.append($0) }
    }

    private func round(_ session: WatchSession) throws {
        session.round { [heard] in heard.outcomes.append($0) }
        try server.exchange(with: session)
    }

    private func served(_ method: String) throws -> ServedStream { try #require(server.stream(method)) }

    /// Answers the newest `Check`.
    private func answerCheck(_ session: WatchSession, _ message: [UInt8] = [0x08, 1]) throws {
        server.answer(try served("Check"), message: message, status: 0)
        try server.exchange(with: session)
    }

    private func say(_ session: WatchSession, _ message: [UInt8]) throws {
        server.answer(try served("Watch"), message: message)
        try server.exchange(with: session)
    }

    @Test func watchesOnceAndChecksInEachRound() throws {
        let session = session(service: "a.B")
        for _ in 0..<3 {
            try round(session)
            try answerCheck(session)
        }
        #expect(server.streams.first?.path == "/grpc.health.v1.Health/Watch")
        #expect(server.streams.first?.request == [0, 0, 0, 0, 5, 0x0a, 3] + "a.B".utf8)
        #expect(server.count("Watch") == 1)
        #expect(server.count("Check") == 3)
        #expect(heard.outcomes == [.healthy, .healthy, .healthy])
        #expect(server.pingCount == 3)
    }

    @Test func sendsNoPingsWhereTheyAreRefused() throws {
        let session = session(sendsPings: false)
        try round(session)
        #expect(server.pingCount == 0)
        #expect(server.count("Check") == 1)
    }

    @Test func tellsEveryStateThatTheServerReports() throws {
        let session = session()
        try round(session)
        #expect(heard.words == [])
        for message in [Self.serving, Self.notServing, [0x08, 3], [], [0x08, 9], Self.serving] {
            try say(session, message)
        }
        #expect(
            heard.words == [
                .good, .bad(reason: "NOT_SERVING"), .bad(reason: "SERVICE_UNKNOWN"), .bad(reason: "UNKNOWN"),
                .bad(reason: "9"), .good,
            ])
    }

    @Test func speaksAgainstItselfWhileTheStateIsNotServing() throws {
        let session = session()
        try round(session)
        #expect(!session.speaksAgainstItself)
        try say(session, Self.notServing)
        #expect(session.speaksAgainstItself)
        #expect(session.hasAnswered)
    }

    @Test func asksNoMoreForAMethodThatTheServerLacks() throws {
        let session = session()
        for number in 0..<100 {
            try round(session)
            if number == 0 { server.refuse(try served("Watch"), status: Self.unimplemented) }
            try answerCheck(session)
        }
        #expect(server.count("Watch") == 1)
        #expect(heard.outcomes == Array(repeating: .healthy, count: 100))
    }

    @Test(arguments: [0, 14])
    func asksAgainForAWatchThatTheServerEnds(status: Int) throws {
        let session = session()
        var watches: [Int] = []
        for _ in 0..<20 {
            let before = server.count("Watch")
            try round(session)
            watches.append(server.count("Watch") - before)
            if server.count("Watch") > before { server.refuse(try served("Watch"), status: status) }
            try answerCheck(session)
        }
        #expect(watches.indices.filter { watches[$0] == 1 } == [0, 1, 3, 7, 15])
        #expect(server.count("Check") == 20)
    }

    @Test func forgetsWhatAWatchSaidOnceItHasEnded() throws {
        let session = session()
        try round(session)
        try say(session, Self.notServing)
        server.answer(try served("Watch"), status: Self.unavailable)
        try server.exchange(with: session)
        #expect(heard.words == [.bad(reason: "NOT_SERVING"), .good])
        #expect(!session.speaksAgainstItself)
    }

    @Test func takesTheWatchsStateWhereThereIsNoCheck() throws {
        let session = session()
        for message in [Self.serving, Self.notServing] {
            try round(session)
            try say(session, message)
            server.refuse(try served("Check"), status: Self.unimplemented)
            try server.exchange(with: session)
        }
        #expect(heard.outcomes == [.healthy, .unhealthy(reason: "NOT_SERVING")])
    }

    @Test func failsWhereThereIsNeither() throws {
        let session = session()
        try round(session)
        server.refuse(try served("Watch"), status: Self.unimplemented)
        server.refuse(try served("Check"), status: Self.unimplemented)
        try server.exchange(with: session)
        #expect(heard.outcomes == [.requestFailed(reason: "gRPC status UNIMPLEMENTED")])
    }

    @Test func resetsAWatchThatItCantRead() throws {
        let session = session()
        try round(session)
        try say(session, [UInt8](repeating: 0, count: HealthQuestion.largestAnswer + 1))
        let watch = try served("Watch")
        #expect(server.resets == [watch.id])
        #expect(heard.words == [.good])
    }

    @Test func givesACheckUp() throws {
        let session = session()
        let stream = session.round { [heard] in heard.outcomes.append($0) }
        try server.exchange(with: session)
        session.fail(try #require(stream), "given up")
        try server.exchange(with: session)
        #expect(heard.outcomes == [.requestFailed(reason: "given up")])
        let check = try served("Check")
        #expect(server.resets == [check.id])
        try round(session)
        try answerCheck(session)
        #expect(heard.outcomes.last == .healthy)
    }

    @Test func noticesTheServersGoodbye() throws {
        let session = session()
        try round(session)
        #expect(session.goAway == nil)
        server.submitGoAway(.enhanceYourCalm)
        try server.exchange(with: session)
        #expect(session.goAway == .enhanceYourCalm)
    }
}

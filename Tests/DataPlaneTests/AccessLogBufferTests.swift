import DataPlane
import EventLoop
import Foundation
import Testing

@Suite struct AccessLogBufferTests {
    private struct Line: Decodable, Equatable {
        var time: String
        var path: String
        var authority: String
        var client: String
        var color: String
        var epoch: Int
        var endpoint: String?
        var httpStatus: Int
        var grpcStatus: Int?
        var durationMs: Double
        var firstByteMs: Double?
        var bytesUp: Int
        var bytesDown: Int
        var reset: String?
        var retried: Bool?
        var error: String?
        var endedBy: String?
        var endReason: String?
    }

    /// A stage whose worker writes an access log to a file of its own.
    private struct LoggedStage {
        let stage: WorkerStage
        private let path: String

        init() throws {
            path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).log").path
            stage = try WorkerStage(accessLog: .file(path: path))
        }

        /// Ends the stage; returns the file's lines and deletes the file.
        func end() async throws -> [Line] {
            stage.pass(.milliseconds(60))
            await stage.worker.flushAccessLog()
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try FileManager.default.removeItem(atPath: path)
            #expect(text.isEmpty || text.hasSuffix("\n"))
            #expect(stage.journal.violations == [])
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try text.split(separator: "\n").map { try decoder.decode(Line.self, from: Data($0.utf8)) }
        }
    }

    @Test func aCallHasALine() async throws {
        let logged = try LoggedStage()
        let stage = logged.stage
        stage.plan = .hold
        stage.call(try stage.client(), size: 30)
        stage.settle()
        let backend = stage.accept()
        stage.settle()
        stage.pass(.microseconds(1_234_500))
        backend.cooperate()
        let lines = try await logged.end()
        let line = try #require(lines.first)
        #expect(lines.count == 1 && line.path == "/simulation/0" && line.authority == "simulated")
        #expect(line.color == "blue" && line.epoch == 1 && line.endpoint == "127.0.0.1:1000")
        #expect(line.client.hasPrefix("10.0.0.1") && line.httpStatus == 200 && line.grpcStatus == 0)
        #expect((1_234.5..<1_235).contains(line.durationMs) && line.bytesUp == 30)
        #expect(line.firstByteMs.map { $0 <= line.durationMs && $0 >= 1_234.5 } == true)
        #expect(line.reset == nil && line.retried == nil && line.error == nil && line.endedBy == nil)
        #expect(line.time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
    }

    @Test func aRequestThatIsNotGRPCHasNoGRPCStatus() async throws {
        let logged = try LoggedStage()
        logged.stage.call(try logged.stage.client(), isGRPC: false)
        logged.stage.settle()
        logged.stage.accept()
        let line = try #require(try await logged.end().first)
        #expect(line.httpStatus == 200 && line.grpcStatus == nil)
    }

    @Test func itSaysWhoEndedACall() async throws {
        let logged = try LoggedStage()
        let stage = logged.stage
        stage.plan = .hold
        let client = try stage.client()
        let call = stage.call(client)
        stage.settle()
        stage.accept()
        stage.settle()
        client.cancel(call, 8)
        let line = try #require(try await logged.end().first)
        #expect(line.endedBy == "client" && line.endReason == "reset" && line.reset == "CANCEL" && line.grpcStatus == 1)
    }

    @Test func itSaysWhyTheProxyAnswered() async throws {
        let logged = try LoggedStage()
        logged.stage.refuses = true
        logged.stage.call(try logged.stage.client())
        let line = try #require(try await logged.end().first)
        #expect(line.endedBy == "proxy" && line.endReason == "unreachable" && line.grpcStatus == 14)
        #expect(line.error?.contains("blue") == true && line.firstByteMs == nil)
    }

    /// Lines are collected and written together, though not held for long.
    @Test func linesAreHandedOverTogether() async throws {
        let logged = try LoggedStage()
        let stage = logged.stage
        let client = try stage.client()
        for _ in 0..<3 { stage.call(client) }
        stage.settle()
        stage.accept()
        stage.settle()
        #expect(stage.calls.allSatisfy { $0.outcome == .complete })
        #expect(stage.worker.nextDeadline.map { $0.since(stage.time.now) <= .milliseconds(50) } == true)
        let lines = try await logged.end()
        #expect(lines.map(\.path).sorted() == ["/simulation/0", "/simulation/1", "/simulation/2"])
    }
}

import Foundation
import Glibc
import Ground
import JSONLogging
import Logging
import Testing

@Suite("JSON log handler")
struct JSONLogHandlerTests {
    private func handler(_ provider: Logger.MetadataProvider? = nil) -> JSONLogHandler {
        JSONLogHandler(label: "test", metadataProvider: provider, now: { Timestamp(milliseconds: 0) })
    }

    private func event(
        _ message: Logger.Message, error: (any Error)? = nil, _ metadata: Logger.Metadata? = nil
    ) -> LogEvent {
        LogEvent(
            level: .info, message: message, error: error, metadata: metadata, source: nil, file: "f", function: "g",
            line: 1)
    }

    private func line(_ handler: JSONLogHandler, _ event: LogEvent) -> String {
        String(decoding: handler.line(for: event), as: UTF8.self)
    }

    @Test("Time, level, logger and message come first")
    func order() {
        #expect(
            line(handler(), event("hello", ["b": "2", "a": "1"]))
                == #"{"time":"1970-01-01T00:00:00.000000Z","level":"info","logger":"test","message":"hello","a":"1","b":"2"}"#
                + "\n")
    }

    @Test("Every line is one line of valid JSON, whatever is in it")
    func validity() throws {
        let text = line(
            handler(),
            event(
                "two\nlines \"quoted\" \u{0}",
                [
                    "list": ["x", .array(["y"])], "members": .dictionary(["z": "1", "a": "2"]),
                    "number": .stringConvertible(7), "fraction": .stringConvertible(0.5),
                    "truth": .stringConvertible(true), "other": .stringConvertible(Duration.seconds(1)),
                ]))
        #expect(text.split(separator: "\n").count == 1 && text.hasSuffix("\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["message"] as? String == "two\nlines \"quoted\" \u{0}")
        #expect((object["list"] as? [Any])?.count == 2)
        #expect((object["members"] as? [String: String]) == ["z": "1", "a": "2"])
        #expect(object["number"] as? Int == 7)
        #expect(object["fraction"] as? Double == 0.5)
        #expect(object["truth"] as? Bool == true)
        #expect(object["other"] is String)
    }

    @Test("Metadata of the event goes before the provider's, and that before the logger's")
    func precedence() {
        var handler = handler(Logger.MetadataProvider { ["b": "provider", "c": "provider"] })
        handler[metadataKey: "a"] = "logger"
        handler[metadataKey: "b"] = "logger"
        handler[metadataKey: "c"] = "logger"
        #expect(handler[metadataKey: "a"] == "logger")
        #expect(
            line(handler, event("m", ["c": "event"])).hasSuffix(#","a":"logger","b":"provider","c":"event"}"# + "\n"))
    }

    @Test("Names that the line has itself are kept apart; an error has its own")
    func reservedNames() {
        struct Failure: Error {}
        let text = line(handler(), event("m", error: Failure(), ["level": "x", "error": "y"]))
        #expect(text.hasSuffix(#""message":"m","error":"Failure()","_error":"y","_level":"x"}"# + "\n"))
    }

    @Test("Lines arrive whole where they are sent")
    func sink() throws {
        var ends: [Int32] = [0, 0]
        try unsafe #require(pipe(&ends) == 0)
        var logger = Logger(label: "pipe") { _ in
            JSONLogHandler(label: "pipe", sink: LogSink(fileDescriptor: ends[1]))
        }
        logger.logLevel = .warning
        logger.info("not written")
        logger.error("written")
        close(ends[1])
        let text = String(
            decoding: FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readDataToEndOfFile(), as: UTF8.self)
        #expect(text.contains("\"message\":\"written\"") && !text.contains("not written"))
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test("A sink that can't be written to stops nobody")
    func brokenSink() {
        LogSink(fileDescriptor: -1).write(Array("lost\n".utf8))
    }
}

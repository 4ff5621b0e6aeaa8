import JSONLogging
import Logging
import Testing

@Suite struct LogThresholdTests {
    @Test func changesForEveryHandlerThatSharesIt() {
        let threshold = LogThreshold(.info)
        let loggers = ["a", "b"].map { label in
            Logger(label: label, factory: { JSONLogHandler(label: $0, threshold: threshold) })
        }
        #expect(loggers.map(\.logLevel) == [.info, .info])
        threshold.level = .debug
        #expect(loggers.map(\.logLevel) == [.debug, .debug])
        threshold.level = .critical
        #expect(threshold.level == .critical)
        #expect(loggers.map(\.logLevel) == [.critical, .critical])
    }

    @Test func aLoggerMayHaveALevelOfItsOwn() {
        let threshold = LogThreshold(.info)
        var logger = Logger(label: "a", factory: { JSONLogHandler(label: $0, threshold: threshold) })
        logger.logLevel = .error
        threshold.level = .trace
        #expect(logger.logLevel == .error)
    }
}

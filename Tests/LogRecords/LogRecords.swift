import Logging
import Synchronization

/// Keeps what is logged, for a test to look at.
package final class LogRecords: Sendable {
    package struct Record: Sendable {
        package var level: Logger.Level
        package var message: String
        package var metadata: [String: String]
    }

    private struct Handler: LogHandler {
        var records: LogRecords
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let metadata = (event.metadata ?? [:]).mapValues { "\($0)" }
            let record = Record(level: event.level, message: "\(event.message)", metadata: metadata)
            records.kept.withLock { $0.append(record) }
        }
    }

    private let kept = Mutex<[Record]>([])

    package init() {}

    package var all: [Record] { kept.withLock { $0 } }
    package var messages: [String] { all.map(\.message) }

    package var logger: Logger { Logger(label: "test") { _ in Handler(records: self) } }
}
